"""A signatory reads all of an agreement, who signed it, and what a new version changes."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.trust.agreements.examples import DOCUMENT, JOBCENTRE, document, parsed, signatures
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST
from trust.agreements.reading import changes, in_words, read_clause_out, read_out, signatories
from trust.agreements.time_terms import parse_time_term

SECTION_17 = "Children Act 1989, section 17 (services for children in need and their families)"


def lines(whole: dict[str, Any] | None = None) -> list[str]:
    return [line for section in read_out(parsed(whole)) for line in section.lines]


def flat(value: object) -> list[str]:
    """Return every text and number of a document."""
    if isinstance(value, dict):
        return [*value, *(leaf for each in value.values() for leaf in flat(each))]
    if isinstance(value, list):
        return [leaf for each in value for leaf in flat(each)]
    return [str(value)]


def test_everything_that_the_document_says_is_read_out() -> None:
    whole = deepcopy(DOCUMENT)
    read = "\n".join(lines(whole))
    for text in ("title", "benefits", "individuals_informed", "consent_text", "rights", "retention", "security"):
        assert whole[text] in read
    for text in (*flat(whole["parties"]), *flat(whole["purposes"]), *whole["items"], *whole["powers"]):
        assert text in read or text in {"entity", "name", "services", "code", "description"}
    for day in ("1 April 2026", "31 March 2028", "31 March 2027"):
        assert day in read


def test_a_clause_is_read_out_in_sentences() -> None:
    sections = {section.heading: section.lines for section in read_out(parsed())}
    assert " ".join(sections["Clause in-payment"]) == (
        "For benefit-check, money-advice (Vale Council) may ask work-coaches (Vale Jobcentre) about a "
        "person's benefit, to be answered yes, no or unknown (eligibility.query, version 1). It may ask only "
        "whether it is in payment. a money-adviser is told: answer, as_of each holder is sent of the person: "
        "the names, birth date and gender, the identifiers of its own sector, and the postcode where it is "
        "sent no identifier Shared under UK GDPR Article 6(1)(e) (a task in the public interest or official "
        "authority) and Welfare Reform Act 2012, sections 130 and 131 (social-security information for "
        "welfare services). Some of this is still to be confirmed by counsel. [6-1-e, wra2012-s130-131] It "
        "does not rest on the person's consent. A holder says so when it does not know the person. The answer "
        "is kept for 30 days at most. It may not be passed on. Each party sets how often it may be asked; a "
        "question over that budget is refused and flagged."
    )


def test_consent_and_urgency_are_read_out() -> None:
    first = {**DOCUMENT["clauses"][0], "basis": ["6-1-a"], "urgent": True, "keep_days": 1}
    read = "\n".join(lines(document(clauses=[first])))
    assert "It rests on the person's consent (as the legal basis): each question carries the record of it" in read
    assert "Urgent: never refused for the number of questions" in read
    assert "kept for 1 day at most" in read


def test_a_day_and_a_signatory_are_written_as_people_do() -> None:
    agreement = parsed()
    signed = signatures(agreement, COUNCIL, TRUST).values()
    day = in_words(NOW.date())
    assert signatories(agreement, signed) == [
        f"Vale Council: signed by R. Example, Caldicott Guardian, on {day}.",
        f"Vale Mental Health: signed by R. Example, Caldicott Guardian, on {day}.",
        "Vale Jobcentre: has not signed.",
    ]


def changed(**changed_members: Any) -> list[str]:
    return changes(parsed(), parsed(document(version=4, **changed_members)))


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


SILENT = "Of a person whose place is restricted, these are silent:"


def test_what_a_role_is_told_from_now_on_is_told() -> None:
    first = {**DOCUMENT["clauses"][0], "fields_by_role": {"key-worker": ["organisation"]}}
    assert changed(clauses=[first, DOCUMENT["clauses"][1]]) == [
        "Clause who-else no longer says: a duty-officer is told: duty_phone, organisation",
        "Clause who-else no longer says: a key-worker is told: organisation, phone, service_type, since, worker",
        f"Clause who-else no longer says: {SILENT} duty_phone, organisation, phone, service_type, since and worker.",
        "Clause who-else now says: a key-worker is told: organisation",
        f"Clause who-else now says: {SILENT} organisation.",
    ]


def test_a_clause_that_comes_or_goes_is_told() -> None:
    other = {**DOCUMENT["clauses"][0], "id": "other", "askers": [f"{JOBCENTRE}#work-coaches"]}
    told = changed(clauses=[DOCUMENT["clauses"][0], other])
    assert told[0].startswith("Clause other is new: For early-help, work-coaches (Vale Jobcentre) may ask ")
    assert told[-1].startswith(
        "Clause in-payment is taken out. It said: For benefit-check, money-advice (Vale Council)"
    )


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
    told = changed(clauses=[{**DOCUMENT["clauses"][0], member: value}, DOCUMENT["clauses"][1]])
    assert any(line.startswith("Clause who-else now says: ") for line in told)


@pytest.mark.parametrize(
    ("written", "read"),
    [("4 hours", "within 4 hours"), ("before next school day", "before next school day")],
)
def test_the_time_in_which_a_recipient_decides_is_read_out(written: str, read: str) -> None:
    agreement = parsed()
    clause = replace(agreement.clauses[0], respond_within=parse_time_term(written))
    assert any(f"The recipient decides {read}; a red message" in line for line in read_clause_out(clause, agreement))
