"""Each role and pair of services reads in sentences what a new version permits, forbids and changes."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import DOCUMENT, JOBCENTRE, document, parsed
from tests.trust.exchange.examples import COUNCIL, TRUST
from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.agreements.difference import VersionDifference, compare
from trust.identifiers import ClauseId

SECTION_17 = "Children Act 1989, section 17 (services for children in need and their families)"
ASKED = "(involvement.query for early-help)"
BOTH = "money-advice (Vale Council) and community-team (Vale Mental Health)"


def difference(**changed_members: Any) -> VersionDifference:
    return compare(parsed(), parsed(document(version=4, **changed_members)))


def changed(**changed_members: Any) -> list[str]:
    return list(difference(**changed_members).sentences)


def test_a_version_that_changes_nothing_says_so() -> None:
    assert changed() == ["Nothing changes but the version."]


@pytest.mark.parametrize(
    "name",
    ["title", "benefits", "individuals_informed", "consent_text", "rights", "retention", "security", "dpia_reference"],
)
def test_changed_words_are_told(name: str) -> None:
    told = changed(**{name: "Other words."})
    assert [line.endswith(f": {DOCUMENT[name]}") for line in told] == [True, False]
    assert told[1].endswith("now says: Other words.")


def test_changed_days_parties_powers_and_marks_are_told() -> None:
    mark = "https://anchor.example/marks/data-protection-assured"
    parties = [
        *DOCUMENT["parties"],
        {"entity": "https://gp.example", "name": "Vale Surgery", "services": ["reception"]},
    ]
    assert changed(
        valid_until="2028-04-30", parties=parties, powers=["ca2004-s10", "ca1989-s17"], required_marks=[mark]
    ) == [
        '"Days" no longer says: Its last day is 31 March 2028.',
        '"Days" now says: Its last day is 30 April 2028.',
        '"Parties" now says: Vale Surgery (https://gp.example): reception',
        f'"Powers relied on" now says: {SECTION_17} [ca1989-s17]',
        '"Trust marks" now says: No party asks or is asked without holding:',
        f'"Trust marks" now says: the mark "data-protection assured" of https://anchor.example ({mark})',
    ]


def test_fields_that_a_role_no_longer_learns_are_told() -> None:
    first = {**DOCUMENT["clauses"][0], "fields_by_role": {"key-worker": ["organisation"]}}
    told = difference(clauses=[first, DOCUMENT["clauses"][1]])
    assert told.permitted == ()
    assert told.forbidden == (
        (
            f"A duty-officer of connecting-families (Vale Council) may no longer ask {BOTH} {ASKED}: duty_phone and "
            "organisation."
        ),
        (
            f"From {BOTH} {ASKED}, a key-worker of connecting-families (Vale Council) no longer learns: phone, "
            "service_type, since and worker."
        ),
    )


def test_what_a_role_may_do_from_now_on_is_told() -> None:
    first = deepcopy(DOCUMENT["clauses"][0])
    first["fields_by_role"]["duty-officer"].append("phone")
    first["fields_by_role"]["manager"] = ["organisation"]
    told = difference(clauses=[first, DOCUMENT["clauses"][1]])
    assert told.forbidden == ()
    assert told.permitted == (
        f"From {BOTH} {ASKED}, a duty-officer of connecting-families (Vale Council) also learns: phone.",
        f"A manager of connecting-families (Vale Council) may now ask {BOTH} {ASKED}: organisation.",
    )


def test_a_clause_that_is_split_changes_no_permission() -> None:
    whole = DOCUMENT["clauses"][0]
    parts = [{**whole, "id": f"part-{number}", "holders": [holder]} for number, holder in enumerate(whole["holders"])]
    told = difference(clauses=[*parts, DOCUMENT["clauses"][1]])
    assert (told.permitted, told.forbidden) == ((), ())
    assert "Clause who-else is taken out." in told.changed


def test_no_sentence_names_a_pair_of_services_that_gains_nothing() -> None:
    asker, holder = f"{JOBCENTRE}#work-coaches", f"{TRUST}#community-team"
    other = {**DOCUMENT["clauses"][0], "id": "other", "askers": [asker], "holders": [holder]}
    told = difference(clauses=[*DOCUMENT["clauses"], other])
    assert list(told.permitted) == [
        (
            "A duty-officer of work-coaches (Vale Jobcentre) may now ask community-team (Vale Mental Health) "
            f"{ASKED}: duty_phone and organisation."
        ),
        (
            "A key-worker of work-coaches (Vale Jobcentre) may now ask community-team (Vale Mental Health) "
            f"{ASKED}: organisation, phone, service_type, since and worker."
        ),
    ]
    assert any(line.startswith("Clause other is new: Shared under ") for line in told.changed)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("existence", "unconditional"),
        ("keep_days", 91),
        ("onward", "within-agency"),
        ("urgent", True),
        ("basis", ["6-1-c", "ca2004-s10"]),
        ("askers", [f"{COUNCIL}#money-advice"]),
        ("holders", [f"{TRUST}#community-team"]),
        ("purpose", "benefit-check"),
        ("subject_by_holder", {f"{TRUST}#community-team": ["nhs_number"]}),
    ],
)
def test_no_change_of_a_clause_is_silent(member: str, value: object) -> None:
    assert changed(clauses=[{**DOCUMENT["clauses"][0], member: value}, DOCUMENT["clauses"][1]]) != [
        "Nothing changes but the version."
    ]


def _regrouped(agreement: Agreement, flags: list[bool]) -> Agreement:
    """Split clauses by role where the flag says so: other clauses, the same permissions."""
    clauses: list[Clause] = []
    for clause, split in zip(agreement.clauses, flags, strict=False):
        roles = sorted(clause.fields_by_role)
        if split:
            clauses += [
                replace(clause, id=ClauseId(f"{clause.id}-{role}"), fields_by_role={role: clause.fields_by_role[role]})
                for role in roles
            ]
        else:
            clauses.append(clause)
    return replace(agreement, clauses=tuple(clauses))


@given(st.lists(st.booleans(), min_size=2, max_size=2), st.lists(st.booleans(), min_size=2, max_size=2))
def test_another_grouping_permits_and_forbids_nothing(one: list[bool], other: list[bool]) -> None:
    told = compare(_regrouped(parsed(), one), _regrouped(parsed(), other))
    assert (told.permitted, told.forbidden) == ((), ())


@given(st.data())
def test_what_one_direction_permits_the_other_forbids(data: st.DataObject) -> None:
    old = parsed()
    clause = data.draw(st.sampled_from(old.clauses))
    role = data.draw(st.sampled_from(sorted(clause.fields_by_role)))
    kept = data.draw(st.sets(st.sampled_from(sorted(clause.fields_by_role[role]))))
    narrowed = replace(clause, fields_by_role={**clause.fields_by_role, role: frozenset(kept)})
    new = replace(old, clauses=tuple(narrowed if each is clause else each for each in old.clauses))
    there, back = compare(old, new), compare(new, old)
    assert there.permitted == back.forbidden == ()
    assert len(there.forbidden) == len(back.permitted) == (kept != clause.fields_by_role[role])
