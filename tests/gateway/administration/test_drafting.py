"""Templates become drafts that each party could sign, with laws in force where the parties are, and no blank."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.administration.agreement_templates import load_template, template_names
from gateway.administration.draft_check import CheckedDraft, inspect, read_draft
from gateway.administration.drafting import ComposedDraft, DraftParty, DraftService, compose, default_answers
from gateway.administration.errors import OperationRefused
from gateway.administration.new_agreement import merge_parties
from trust.agreements.agreement import Agreement, InForce, parse_agreement
from trust.agreements.draft import check_draft
from trust.agreements.drafting_advice import ask_by_the_codes
from trust.agreements.lawful_basis import LegalPart, lookup, not_in_force
from trust.agreements.legal_entry import UkNation
from trust.agreements.signing import SigningContext, advise, ask_about_draft
from trust.agreements.toml_draft import read_toml, to_signed_form
from trust.identifiers import EntityId, ServiceSlug

COUNCIL = ("childrens-social-care", "money-advice", "housing", "education")
OTHERS = ("police", "mental-health", "school", "jobcentre", "advocacy", "charity", "probation")
ANSWERS = {
    "dpia_reference": "Vale DPIA 12 of 3 November 2026",
    "policy_document": "Each party's own, beside its privacy notice",
    "individuals_informed": "By each party's privacy notice, and by the worker at the first meeting.",
    "rights": "People ask any party, which answers within a month.",
}
WITH_CLAUSES = [name for name in template_names() if name != "overarching"]


def party(name: str, kinds: Sequence[str], *nations: UkNation) -> DraftParty:
    services = tuple(DraftService(slug=kind, kind=kind, name=kind.title(), duty_phone="01632 960001") for kind in kinds)
    return DraftParty(
        entity=f"https://{name}.example", name=f"Vale {name.title()}", services=services, nations=frozenset(nations)
    )


def parties(*nations: UkNation) -> tuple[DraftParty, ...]:
    others = [party(kind, (kind,), *nations) for kind in OTHERS]
    return (party("council", COUNCIL, *nations), *others)


def draft(
    name: str, members: Sequence[DraftParty], answers: Mapping[str, str] = ANSWERS, under: Agreement | None = None
) -> ComposedDraft:
    template = load_template(name, is_schedule=under is not None)
    known = {question.name for question in template.questions}
    given = {key: text for key, text in answers.items() if key in known}
    whole = {**default_answers(template, members), **given}
    reference = (str(under.id), under.ref.digest) if under else None
    return compose(template, members, whole, file="draft.toml", under=reference)


def checked(tmp_path: Path, text: str, under: Agreement | None = None) -> CheckedDraft:
    path = tmp_path / "draft.toml"
    path.write_text(text, encoding="utf-8")
    return inspect(path, [InForce(agreement=under)] if under else [])


@pytest.mark.parametrize("nation", [*UkNation])
@pytest.mark.parametrize("name", template_names())
def test_each_template_becomes_a_draft_that_every_party_may_sign(tmp_path: Path, name: str, nation: UkNation) -> None:
    members = parties(nation)
    found = checked(tmp_path, draft(name, members).text)
    if name == "benefit-check" and nation is UkNation.NORTHERN_IRELAND:
        assert any("clauses: is missing" in fault for fault in found.faults)  # no power for it is in the register
        return
    assert found.faults == ()
    agreement = parse_agreement(found.raw)
    for member in members:
        services = {ServiceSlug(each.slug): each.kind for each in member.services}
        signer = SigningContext(own=EntityId(member.entity), services=services)
        assert advise(agreement, signer, today=date(2026, 12, 1)).faults == ()


@pytest.mark.parametrize("nation", [UkNation.ENGLAND, UkNation.WALES])
@pytest.mark.parametrize("name", template_names())
def test_a_draft_from_a_template_leaves_no_question_of_the_codes(tmp_path: Path, name: str, nation: UkNation) -> None:
    agreement = parse_agreement(checked(tmp_path, draft(name, parties(nation)).text).raw)
    assert [*ask_about_draft(agreement), *ask_by_the_codes(agreement)] == []


@pytest.mark.parametrize("name", WITH_CLAUSES)
def test_each_template_has_alerts_and_referrals(tmp_path: Path, name: str) -> None:
    agreement = parse_agreement(checked(tmp_path, draft(name, parties(UkNation.ENGLAND)).text).raw)
    assert {"alert", "referral"} <= {str(clause.kind) for clause in agreement.clauses}


@pytest.mark.parametrize("nation", [*UkNation])
@pytest.mark.parametrize("name", WITH_CLAUSES)
def test_templates_name_only_laws_in_force(name: str, nation: UkNation) -> None:
    today = date(2026, 12, 1)
    for clause in load_template(name, is_schedule=False).clauses:
        codes = [*clause.basis, *clause.basis_by_nation.get(nation, ())]
        assert [reason for code in codes if (reason := not_in_force(lookup(code, today), today))] == []
        local = [lookup(code, today) for code in clause.basis_by_nation.get(nation, ())]
        assert all(nation in entry.extent for entry in local if entry.part is LegalPart.POWER)


def test_the_duty_that_is_not_in_force_is_named_in_a_note_and_cited_nowhere() -> None:
    text = draft("safeguarding-children", parties(UkNation.ENGLAND)).text
    cited = [line for line in text.splitlines() if "16la" in line.lower() and not line.startswith("#")]
    assert cited == []
    assert "section 16LA" in text


def test_only_the_police_send_the_notice_to_a_school(tmp_path: Path) -> None:
    agreement = parse_agreement(checked(tmp_path, draft("domestic-abuse", parties(UkNation.WALES)).text).raw)
    clause = agreement.clause("school-notice")
    assert clause is not None
    assert {str(each.service) for each in clause.askers} == {"police"}
    assert "daa2021-s49a" in clause.basis


def test_an_agreement_over_the_border_names_the_law_of_both_nations(tmp_path: Path) -> None:
    members = (
        party("council", ("childrens-social-care",), UkNation.ENGLAND),
        party("borders", ("childrens-social-care",), UkNation.SCOTLAND),
    )
    found = checked(tmp_path, draft("early-help", members).text)
    assert found.faults == ()
    assert {"ca2004-s10", "csa1995-s21"} <= set(parse_agreement(found.raw).powers)


def test_a_clause_that_no_service_can_take_part_in_is_left_out_and_said(tmp_path: Path) -> None:
    members = (
        party("council", ("childrens-social-care",), UkNation.ENGLAND),
        party("police", ("police",), UkNation.ENGLAND),
    )
    made = draft("domestic-abuse", members)
    assert [note.partition(":")[0] for note in made.notes] == [
        "Clause school-notice is left out",
        "Clause referral-advocate is left out",
        "Clause consent-ended is left out",
    ]
    assert checked(tmp_path, made.text).faults == ()


def test_services_come_with_their_kind_and_duty_line() -> None:
    text = draft("early-help", parties(UkNation.ENGLAND)).text
    assert '  "mental-health",  # Mental-Health, mental-health, duty line 01632 960001' in text


@pytest.mark.parametrize("name", ['Vale"\nid = "x', "Vale @powers@", "Vale \u2028 # x", "\u202eVale"])
def test_a_name_in_a_draft_stays_a_name(tmp_path: Path, name: str) -> None:
    odd = DraftParty(
        entity="https://odd.example",
        name=name,
        services=(DraftService(slug="advice", kind="money-advice", name=name, duty_phone=name),),
        nations=frozenset({UkNation.ENGLAND}),
    )
    plain = draft("early-help", parties(UkNation.ENGLAND))
    found = checked(tmp_path, draft("early-help", (*parties(UkNation.ENGLAND), odd), {**ANSWERS, "title": name}).text)
    assert found.agreement.powers == checked(tmp_path, plain.text).agreement.powers
    assert found.agreement.id == "vale-council-early-help"


def test_a_template_whose_questions_are_left_blank_is_no_draft(tmp_path: Path) -> None:
    made = draft("early-help", parties(UkNation.ENGLAND), {})
    blank = {question.name for question in made.open_questions}
    assert blank == {"dpia_reference", "policy_document", "individuals_informed", "rights"}
    faults = checked(tmp_path, made.text).faults
    lines = made.text.splitlines()
    for name in blank - {"policy_document"}:
        [fault] = [each for each in faults if f": {name}: is not answered" in each]
        assert lines[int(fault.removeprefix("line ").partition(":")[0]) - 1].startswith(f"{name} = ")
    assert any("policy_document" in fault for fault in faults)


def test_ten_faults_are_ten_with_their_lines(tmp_path: Path) -> None:
    text = draft("early-help", parties(UkNation.ENGLAND)).text
    spoilt = [
        ("version = 1\ntitle", "version = one\ntitle", "version = one"),
        ('rights = "People', 'rights = "TBC"\n# "People', 'rights = "TBC"'),
        ('security = "Each', 'security = ""\n# "Each', 'security = ""'),
        ("review_date = 2028", "review_date = 2038", "review_date = 2038"),
        ('code = "safeguarding"', 'code = "Safe guarding"', 'code = "Safe guarding"'),
        ('nations = ["england"]', 'nations = ["mercia"]', 'nations = ["mercia"]'),
        ('existence = "conditional"', 'existence = "perhaps"', 'existence = "perhaps"'),
        ('keep_days = 90\nonward = "none"\n[', 'keep_days = -1\nonward = "none"\n[', "keep_days = -1"),
        ('"persons.victim"', '"persons.enemy"', '"persons.enemy"'),
        ('topics = ["safeguarding"]', 'topics = ["gossip"]', 'topics = ["gossip"]'),
        ('respond_within = "5 working days"', 'respond_within = "soon"', 'respond_within = "soon"'),
    ]
    for before, after, _ in spoilt:
        assert before in text, before
        text = text.replace(before, after, 1)
    faults = checked(tmp_path, text).faults
    lines = text.splitlines()
    pointed = {lines[int(fault.removeprefix("line ").partition(":")[0]) - 1] for fault in faults}
    for _, _, line in spoilt:
        assert any(line in each for each in pointed), (line, faults)
    assert len(faults) == len(spoilt)
    assert sum(any(code in each for code in ("ICO", "Caldicott", "WASPI")) for each in faults) > len(faults) / 2


def test_one_faulty_party_is_one_fault(tmp_path: Path) -> None:
    text = draft("early-help", parties(UkNation.ENGLAND)).text
    faults = checked(tmp_path, text.replace('entity = "https://council.example"', 'entity = "council"')).faults
    assert len(faults) == 1


def test_a_law_that_is_not_in_force_is_refused_with_line_and_date(tmp_path: Path) -> None:
    text = draft("safeguarding-children", parties(UkNation.ENGLAND)).text.replace(
        '"ca2004-s11",', '"ca2004-s11", "ca2004-s16la",'
    )
    faults = checked(tmp_path, text).faults
    assert faults
    assert all("enacted on 2026-04-29 and is not in force" in fault for fault in faults)
    assert all(fault.startswith("line ") for fault in faults)


def test_a_schedule_is_short_and_stands_under_its_overarching_agreement(tmp_path: Path) -> None:
    members = parties(UkNation.ENGLAND)
    above = parse_agreement(checked(tmp_path, draft("overarching", members).text).raw)
    made = draft("early-help", members, under=above)
    found = checked(tmp_path, made.text, above)
    assert found.faults == ()
    assert found.agreement.under is not None
    assert found.agreement.under.digest == above.ref.digest
    assert found.agreement.rights == ""
    stranger = party("stranger", ("police",), UkNation.ENGLAND)
    [fault] = checked(tmp_path, draft("early-help", (*members, stranger), under=above).text, above).faults
    assert "does not have all its parties" in fault


@pytest.mark.parametrize("name", ["draft.TOML", "draft.txt", "draft"])
def test_a_draft_is_toml_under_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(draft("early-help", parties(UkNation.ENGLAND)).text)
    assert inspect(path).faults == ()
    path.write_text(draft("early-help", parties(UkNation.ENGLAND), {}).text)
    with pytest.raises(OperationRefused, match="mistakes"):
        read_draft(path)


def test_a_draft_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "draft.toml"
    path.write_bytes(b'id = "\xff"')
    with pytest.raises(OperationRefused, match="not UTF-8 text"):
        inspect(path)


def test_an_agency_is_a_party_once() -> None:
    council, *others = parties(UkNation.ENGLAND)
    again = DraftParty(entity=council.entity, name="Another", services=())
    assert merge_parties([council, *others, again]) == (council, *others)


KINDS_OF_SERVICE = [*COUNCIL, *OTHERS, "family-support", "youth-justice", "hospital", "virtual-school"]
NATIONS = st.frozensets(st.sampled_from([*UkNation]), min_size=1)
MEMBERS = st.lists(
    st.tuples(st.lists(st.sampled_from(KINDS_OF_SERVICE), min_size=1, unique=True), NATIONS), min_size=2, max_size=4
)


@given(name=st.sampled_from(template_names()), members=MEMBERS)
@settings(max_examples=40, deadline=None)
def test_any_agencies_get_a_draft_that_each_could_sign(
    name: str, members: list[tuple[list[str], frozenset[UkNation]]]
) -> None:
    """Where no service can take part in any clause, the draft says so and is refused for that alone."""
    those = [party(f"agency-{place}", kinds, *nations) for place, (kinds, nations) in enumerate(members)]
    made = draft(name, those)
    toml = read_toml(made.text)
    assert not toml.syntax
    agreement, faults = check_draft(to_signed_form(toml.document))
    if not agreement.clauses and not agreement.overarching:
        assert made.notes
        assert {fault.path for fault in faults} <= {"powers", "clauses"}
        return
    assert [str(fault) for fault in faults] == []
    for member in those:
        services = {ServiceSlug(each.slug): each.kind for each in member.services}
        signer = SigningContext(own=EntityId(member.entity), services=services)
        assert advise(agreement, signer, today=date(2026, 12, 1)).faults == ()
