"""The register can be listed, shown and checked on the command line."""

from tests.gateway.cli.conftest import Partnership, hearthgate
from trust.agreements.legal_register import REGISTER, register_digest


def test_the_register_is_listed_with_its_digest() -> None:
    answer = hearthgate("law", "list", "--on", "2026-12-01")
    assert answer.code == 0
    assert "ca2004-s16la: Children Act 2004, section 16LA; England; NOT IN FORCE; to be confirmed" in answer.out
    assert f"Digest of the register: {register_digest()}" in answer.out
    listed = hearthgate("law", "list", "--json").json
    assert {law["code"] for law in listed["laws"]} == {entry.code for entry in REGISTER}
    assert listed["digest"] == register_digest()


def test_the_list_is_narrowed_to_a_nation_and_a_part() -> None:
    laws = hearthgate("law", "list", "--nation", "scotland", "--part", "power", "--json").json["laws"]
    codes = {law["code"] for law in laws}
    assert "csa1995-s21" in codes
    assert "ca2004-s10" not in codes
    assert "6-1-e" not in codes


def test_a_law_is_shown_with_enactment_and_commencement_apart() -> None:
    answer = hearthgate("law", "show", "ca2004-s16la", "--on", "2026-12-01")
    assert "  enacted on 29 April 2026" in answer.out
    assert "  in force from 29 April 2026 by Children's Wellbeing and Schools Act 2026, section 78(1)(a)" in answer.out
    assert "not in force: no day is appointed by regulations" in answer.out
    assert "30 September 2026 was announced (to be confirmed)" in answer.out
    assert "counsel's confirmation: to be confirmed" in answer.out
    encompass = hearthgate("law", "show", "daa2021-s49a").out
    assert "in force from 7 November 2025 by SI 2025/1168" in encompass
    assert hearthgate("law", "show", "magna-carta").code == 1


def test_a_law_is_checked_for_a_day_a_body_and_a_nation() -> None:
    good = hearthgate("law", "check", "6-1-e", "dpa2018-sch1-18", "--on", "2026-12-01", "--nation", "wales")
    assert good.code == 0
    assert "dpa2018-sch1-18: may be cited with an appropriate policy document" in good.out
    words = ["ca2004-s16la", "ca2004-s10", "daa2021-s49a", "magna-carta"]
    bad = hearthgate("law", "check", *words, "--nation", "scotland", "--body", "school-or-college", "--json")
    assert bad.code == 1
    faults = {law["code"]: " ".join(law["faults"]) for law in bad.json["laws"]}
    assert "enacted on 2026-04-29 and is not in force" in faults["ca2004-s16la"]
    assert "applies in England, and not in Scotland" in faults["ca2004-s10"]
    assert "is for police forces, and not for a school-or-college" in faults["daa2021-s49a"]
    assert "no code" in faults["magna-carta"]


def test_the_agreements_in_force_are_checked_against_the_register(whole: Partnership) -> None:
    answer = hearthgate("law", "check", "--config", whole.config("council"), "--json")
    assert answer.code == 0
    [agreement] = answer.json["agreements"]
    assert agreement == {"id": "vale-early-help", "version": 1, "faults": [], "to_be_confirmed": []}
