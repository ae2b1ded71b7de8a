"""Each party signs for itself, and nothing flows until all have."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import COUNCIL, POLICE, Answer, Partnership, hearthgate


def add(partnership: Partnership, document: Path, *signatures: Path) -> Answer:
    return hearthgate(
        "agreement", "add", document, *signatures, "--config", partnership.config("council"), "--yes", "--json"
    )


def test_what_is_added_is_shown_before(partnership: Partnership) -> None:
    words = ["agreement", "add", partnership.agreement(), "--config", partnership.config("council")]
    answer = hearthgate(*words, answer="n\n")
    assert answer.code == 1
    assert "a key-worker is told: duty_phone, organisation" in answer.err
    listed = hearthgate("agreement", "list", "--config", partnership.config("council"), "--json")
    assert listed.json["agreements"] == []


def test_an_agreement_is_read_out_in_english(partnership: Partnership) -> None:
    answer = hearthgate("agreement", "check", partnership.agreement())
    assert answer.code == 0
    assert "Vale Police (https://police.example): neighbourhood" in answer.out
    assert "a key-worker is told: duty_phone, organisation" in answer.out
    assert "Children Act 2004, section 10" in answer.out
    assert "It binds no party until every party has signed it." in answer.out


def test_the_marks_that_an_agreement_demands_are_read_out(partnership: Partnership) -> None:
    mark = "https://anchor.example/marks/data-protection-assured"
    document = partnership.agreement(required_marks=[mark])
    answer = hearthgate("agreement", "check", document)
    assert f'  the mark "data-protection assured" of https://anchor.example ({mark})' in answer.out
    assert hearthgate("agreement", "check", document, "--json").json["required_marks"] == [mark]


def test_every_fault_of_a_draft_is_named_at_once(partnership: Partnership) -> None:
    document = partnership.agreement(title="", colour="green", review_date="1999-01-01")
    answer = hearthgate("agreement", "check", document, "--json")
    assert answer.code == 1
    places = {fault.partition(":")[0] for fault in answer.json["faults"]}
    assert places == {"title", "colour", "review_date"}


def test_what_is_signed_is_shown_before(partnership: Partnership) -> None:
    document, out = partnership.agreement(), partnership.root / "s.jwt"
    words = ["--config", partnership.config("council"), "--name", "R. Example", "--post", "SIRO", "--out", out]
    refused = hearthgate("agreement", "sign", document, *words, answer="n\n")
    assert refused.code == 1
    digest = hearthgate("agreement", "check", document, "--json").json["digest"]
    assert f"digest {digest}" in refused.err
    assert "R. Example, SIRO, signs this for Vale Council" in refused.err
    assert not out.exists()
    assert hearthgate("agreement", "sign", document, *words, answer="y\n").code == 0
    assert out.exists()


def test_the_agreement_to_sign_is_asked_for(partnership: Partnership) -> None:
    document, out = partnership.agreement(), partnership.root / "s.jwt"
    words = ["--config", partnership.config("council"), "--name", "R. Example", "--post", "SIRO", "--out", out]
    unanswered = hearthgate("agreement", "sign", *words, answer="")
    assert unanswered.code == 1
    assert "Nothing was signed" in unanswered.err
    assert hearthgate("agreement", "sign", *words, answer=f"{document}\ny\n").code == 0
    assert out.exists()


def test_one_who_is_no_party_signs_and_adds_nothing(partnership: Partnership) -> None:
    parties = [{"entity": POLICE, "name": "Vale Police", "services": ["neighbourhood"]}]
    clauses = json.loads(partnership.agreement().read_text())["clauses"]
    clauses[0]["askers"] = clauses[0]["holders"]
    document, out = partnership.agreement(parties=parties, clauses=clauses), partnership.root / "s.jwt"
    words = ["--config", partnership.config("council"), "--name", "R", "--post", "P", "--out", out, "--yes"]
    refused = hearthgate("agreement", "sign", document, *words)
    assert refused.code == 1
    assert "not a party" in refused.err
    assert not out.exists()
    assert add(partnership, document).code == 1


def test_nothing_flows_until_the_last_signature_is_there(both: Partnership) -> None:
    document = both.agreement()
    council, police = both.signature("council", document), both.signature("police", document)
    first = add(both, document, council)
    assert first.code == 0
    assert (first.json["in_force"], first.json["missing_signatures"]) == (False, [POLICE])
    listed = hearthgate("agreement", "list", "--config", both.config("council"))
    assert "nothing flows under it: It has not been signed by Vale Police." in listed.out
    second = add(both, document, police)
    assert (second.json["in_force"], second.json["missing_signatures"]) == (True, [])
    shown = hearthgate("agreement", "show", "vale-early-help", "--config", both.config("council"), "--json")
    assert shown.json["versions"][0]["signed_by"] == [COUNCIL, POLICE]


def test_a_signature_by_an_unknown_key_is_refused_and_nothing_is_stored(both: Partnership) -> None:
    document = both.agreement()
    signature = both.signature("police", document)
    words = ["--reason", "left", "--emergency", "now", "--config", both.config("anchor"), "--yes"]
    hearthgate("trust", "suspend", POLICE, *words)
    answer = add(both, document, signature)
    assert answer.code == 1
    assert "No authority vouches for https://police.example" in answer.json["error"]
    assert hearthgate("agreement", "list", "--config", both.config("council"), "--json").json["agreements"] == []


def test_a_signature_on_other_bytes_is_refused(both: Partnership) -> None:
    signature = both.signature("police", both.agreement())
    answer = add(both, both.agreement(title="Another agreement"), signature)
    assert answer.code == 1
    assert "another wording" in answer.json["error"] or "another agreement" in answer.json["error"]


def test_a_signature_in_anothers_name_is_refused(both: Partnership) -> None:
    document = both.agreement()
    (both.root / "police" / "keys" / "federation.pem").write_bytes(
        (both.root / "council" / "keys" / "federation.pem").read_bytes()
    )
    answer = add(both, document, both.signature("police", document))
    assert answer.code == 1
    assert hearthgate("agreement", "list", "--config", both.config("council"), "--json").json["agreements"] == []


def test_an_agreement_can_be_held_before_the_anchor_can_be_reached_but_no_signature(partnership: Partnership) -> None:
    document = partnership.agreement()
    assert add(partnership, document).code == 0
    answer = add(partnership, document, partnership.signature("council", document))
    assert answer.code == 1
    assert "No authority vouches" in answer.json["error"]


def test_another_text_under_the_same_version_is_refused(partnership: Partnership) -> None:
    assert add(partnership, partnership.agreement()).code == 0
    answer = add(partnership, partnership.agreement(title="Other words"))
    assert answer.code == 1
    assert "give it a new version" in answer.json["error"]


def in_force(partnership: Partnership, document: Path) -> None:
    """Have both parties sign, and the council hold it."""
    held = add(
        partnership, document, partnership.signature("council", document), partnership.signature("police", document)
    )
    assert held.json["in_force"] is True, held.out


def listed(partnership: Partnership) -> dict[tuple[str, int], str | None]:
    """Return how the council's node has closed each version; ``"in force"`` for one that binds."""
    found = hearthgate("agreement", "list", "--config", partnership.config("council"), "--json").json["agreements"]
    return {(each["id"], each["version"]): "in force" if each["in_force"] else each["closed"] for each in found}


@pytest.mark.holds("A72")
def test_an_agreement_ends_with_every_version_and_says_what_goes_on(both: Partnership) -> None:
    in_force(both, both.agreement())
    in_force(both, both.agreement(version=2))
    in_force(both, both.agreement(id="vale-other", title="Vale other agreement"))
    words = ["agreement", "end", "vale-early-help", "--config", both.config("council")]
    shown = hearthgate(*words, answer="n\n")
    assert shown.code == 1
    assert "vale-early-help version 2 and every lower version end for good." in shown.err
    assert "vale-other version 1: Vale other agreement, in force until" in shown.err
    assert "between Vale Council, Vale Police" in shown.err
    ended = hearthgate(*words, "--yes", "--json")
    assert (ended.code, ended.json["version"], ended.json["closed"]) == (0, 2, "ended")
    assert ended.json["in_force"] == [{"id": "vale-other", "version": 1}]
    assert [(each["entity_id"], each["told"]) for each in ended.json["parties"]] == [(POLICE, "silent")]
    assert listed(both) == {
        ("vale-early-help", 1): "replaced",
        ("vale-early-help", 2): "ended",
        ("vale-other", 1): "in force",
    }
    for version in ([], ["1"], ["2"], ["9"]):
        assert hearthgate("agreement", "end", "vale-early-help", *version, *words[3:], "--yes").code == 1


def test_a_version_that_was_replaced_is_not_ended_in_place_of_the_one_in_force(both: Partnership) -> None:
    in_force(both, both.agreement())
    in_force(both, both.agreement(version=2))
    words = ["agreement", "end", "vale-early-help", "1", "--config", both.config("council"), "--yes"]
    refused = hearthgate(*words)
    assert refused.code == 1
    assert "Version 2 has replaced it. To end the agreement: hearthgate agreement end vale-early-help" in refused.err
    assert listed(both)["vale-early-help", 2] == "in force"


def test_a_version_that_has_not_begun_is_withdrawn_alone(both: Partnership) -> None:
    in_force(both, both.agreement())
    later = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    document = both.agreement(version=2, valid_from=later)
    add(both, document, both.signature("council", document), both.signature("police", document))
    words = ["agreement", "end", "vale-early-help", "2", "--config", both.config("council"), "--yes"]
    ended = hearthgate(*words)
    assert "vale-early-help version 1: Vale early help agreement, in force until" in ended.out
    assert listed(both) == {("vale-early-help", 1): "in force", ("vale-early-help", 2): "withdrawn"}


@pytest.mark.holds("A72")
def test_the_other_partys_node_is_told_of_the_end_by_the_command(both: Partnership) -> None:
    document = both.agreement()
    in_force(both, document)
    signatures = [both.signature(name, document) for name in ("council", "police")]
    words = ["--config", both.config("police"), "--json"]
    assert hearthgate("agreement", "add", document, *signatures, *words, "--yes").json["in_force"] is True
    both.run_node("police")
    both.run_node("council")
    ended = hearthgate("agreement", "end", "vale-early-help", "--config", both.config("council"), "--yes")
    assert "Vale Police has our notice" in ended.out, ended.out
    [there] = hearthgate("agreement", "list", *words).json["agreements"]
    assert (there["in_force"], there["closed"], there["reason"]) == (False, "ended", "Vale Council has ended it.")


@pytest.mark.holds("A72")
def test_a_party_leaves_and_both_nodes_say_so(both: Partnership) -> None:
    document = both.agreement()
    in_force(both, document)
    signatures = [both.signature(name, document) for name in ("council", "police")]
    there = ["--config", both.config("police"), "--json"]
    assert hearthgate("agreement", "add", document, *signatures, *there, "--yes").json["in_force"] is True
    both.run_node("police")
    both.run_node("council")
    words = ["agreement", "leave", "vale-early-help", "--config", both.config("council")]
    shown = hearthgate(*words, answer="n\n")
    assert shown.code == 1
    assert "Only Vale Police is left; nothing flows." in shown.err
    assert "  no open message" in shown.err
    assert listed(both)["vale-early-help", 1] == "in force"
    preview = hearthgate(*words, "--preview", "--json").json["preview"]
    assert (preview["days"], preview["waiting"], preview["requests"]) == (30, [], [])
    left = hearthgate(*words, "--yes")
    assert "Vale Police has our notice" in left.out, left.out
    assert listed(both)["vale-early-help", 1] == "left"
    [other] = hearthgate("agreement", "list", *there).json["agreements"]
    assert (other["in_force"], other["closed"], other["leavers"]) == (False, None, ["https://council.example"])
    versions = hearthgate("agreement", "show", "vale-early-help", *words[3:], "--json").json["versions"]
    assert versions[0]["notices"] == {"Vale Police": True}
    for command, why in (("leave", "left it on"), ("end", "was left")):
        again = hearthgate("agreement", command, "vale-early-help", *words[3:], "--yes")
        assert again.code == 1
        assert why in again.err


def test_a_party_that_may_not_end_it_for_all_is_shown_how_to_leave(both: Partnership) -> None:
    in_force(both, both.agreement(ended_by=[POLICE]))
    refused = hearthgate("agreement", "end", "vale-early-help", "--config", both.config("council"), "--yes")
    assert refused.code == 1
    assert "Only Vale Police may end vale-early-help for all parties." in refused.err
    assert "hearthgate agreement leave vale-early-help" in refused.err


def sign(partnership: Partnership, document: Path, name: str = "council", answer: str | None = None) -> Answer:
    """Have an agency hold the agreement with its own signature."""
    words = ["--name", "R. Example", "--post", "SIRO", "--config", partnership.config(name)]
    return hearthgate("agreement", "propose", document, *words, *([] if answer else ["--yes"]), answer=answer)


def clause(partnership: Partnership, **changes: object) -> list[dict[str, object]]:
    """Return the agreement's one clause, with some of it changed."""
    [found] = json.loads(partnership.agreement().read_text())["clauses"]
    return [{**found, **changes}]


def test_the_whole_document_and_what_changes_is_read_before_signing(both: Partnership) -> None:
    in_force(both, both.agreement(retention="Answers are deleted after 90 days."))
    fields = {"key-worker": ["organisation", "duty_phone", "worker"]}
    new = both.agreement(
        version=2,
        retention="Answers are deleted after 90 days.",
        clauses=clause(both, fields_by_role=fields),
        rights="Any party answers for all.",
    )
    read = sign(both, new, answer="n\n").err
    for line in (
        '"People\'s rights" no longer says: As written down.',
        '"People\'s rights" now says: Any party answers for all.',
        "also learns: worker.",
        "Vale Council: has not signed.",
        "R. Example, SIRO, signs this for Vale Council",
    ):
        assert line in read
    checked = hearthgate("agreement", "check", new, "--config", both.config("council"))
    assert "What changes from version 1:" in checked.out
    assert "Any party answers for all." in checked.out
    assert "What changes" not in hearthgate("agreement", "check", new).out
    assert sign(both, new).code == 0
    shown = hearthgate("agreement", "show", "vale-early-help", "--config", both.config("council"))
    today = datetime.now(UTC).date()
    assert f"Vale Council: signed by R. Example, SIRO, on {today.day} {today:%B} {today.year}." in shown.out
    assert "Vale Police: signed by R. Example, Caldicott Guardian, on" in shown.out
    assert "Vale Police: has not signed." in shown.out
    assert "What changes from version 1:" in shown.out


def test_what_an_agency_cannot_mean_is_not_signed(both: Partnership) -> None:
    parties = [
        {"entity": COUNCIL, "name": "Vale Council", "services": ["families", "housing"]},
        {"entity": POLICE, "name": "Vale Police", "services": ["neighbourhood", "custody"]},
        {"entity": "https://elsewhere.example", "name": "Elsewhere", "services": ["other"]},
    ]
    refused = sign(both, both.agreement(parties=parties))
    assert refused.code == 1
    for fault in (
        "this node has no service housing",
        "no anchor knows the service custody of https://police.example",
        "no anchor knows https://elsewhere.example (Elsewhere)",
    ):
        assert fault in refused.err
    listed = hearthgate("agreement", "list", "--config", both.config("council"), "--json")
    assert listed.json["agreements"] == []


def test_a_law_that_is_for_other_bodies_is_not_signed(both: Partnership) -> None:
    config = both.config("council")
    config.write_text(config.read_text().replace("[node]\n", '[node]\nbody = "local-authority"\n', 1))
    refused = sign(both, both.agreement(clauses=clause(both, basis=["6-1-ea", "ca2004-s10"])))
    assert refused.code == 1
    assert "clause who-else names no lawful basis that a local-authority may rely on" in refused.err
    undeclared = both.agreement(clauses=clause(both, basis=["6-1-e", "ca2004-s11"]))
    assert "names ca2004-s11, which is not among the agreement's powers" in sign(both, undeclared).err
    assert sign(both, both.agreement()).code == 0


def test_answers_kept_longer_than_the_stated_retention_are_asked_about(both: Partnership) -> None:
    document = both.agreement(retention="Answers are deleted after seven days.")
    asked = sign(both, document, answer="n\n")
    assert asked.code == 1
    assert "Clause who-else has an answer kept for 90 days, longer than the 7 days" in asked.err
    assert "Sign it all the same?" in asked.err
    assert "longer than the 7 days" in hearthgate("agreement", "check", document).out


def test_a_version_that_was_replaced_is_not_signed_again(both: Partnership) -> None:
    document = both.agreement(version=2)
    in_force(both, document)
    refused = sign(both, both.agreement(version=1))
    assert refused.code == 1
    assert "give the new wording version 2 or higher" in refused.err


def test_a_renewed_agreement_leaves_the_doctor_content(both: Partnership) -> None:
    in_force(both, both.agreement())
    in_force(both, both.agreement(version=2))
    both.run_node("council")
    sections = hearthgate("doctor", "--config", both.config("council"), "--json").json["sections"]
    found = [line for line in sections["Agreements"] if line["name"].startswith("vale-early-help version")]
    assert [line["ok"] for line in found] == [True, True]
    assert "Version 2 has replaced it." in found[0]["detail"]


def test_a_party_that_was_away_is_told_of_an_ending_by_sync(both: Partnership) -> None:
    document = both.agreement()
    in_force(both, document)
    signatures = [both.signature(name, document) for name in ("council", "police")]
    there, here = (["--config", both.config(name)] for name in ("police", "council"))
    hearthgate("agreement", "add", document, *signatures, *there, "--yes")
    ended = hearthgate("agreement", "end", "vale-early-help", *here, "--yes")
    assert "Vale Police did not answer; this node goes on telling it" in ended.out
    both.run_node("police")
    both.run_node("council")
    assert "Vale Police has what we hold" in hearthgate("agreement", "sync", *here).out
    assert "every party has our notices" in hearthgate("agreement", "sync", *here).out
    [held] = hearthgate("agreement", "list", *there, "--json").json["agreements"]
    assert held["closed"] == "ended"


def test_a_named_party_suspends_for_both_and_resumes(both: Partnership) -> None:
    document = both.agreement(suspended_by=["https://council.example"])
    in_force(both, document)
    signatures = [both.signature(name, document) for name in ("council", "police")]
    there, here = (["--config", both.config(name)] for name in ("police", "council"))
    assert hearthgate("agreement", "add", document, *signatures, *there, "--json", "--yes").json["in_force"] is True
    both.run_node("police")
    both.run_node("council")
    words, reason = ["vale-early-help", "--reason"], "The clause is under review."
    refused = hearthgate("agreement", "suspend", *words, reason, *there, "--yes")
    assert refused.code == 1
    assert "Only Vale Council may suspend and resume vale-early-help" in refused.err
    assert hearthgate("agreement", "suspend", *words, " ", *here, "--yes").code == 1
    assert (
        "alerts, referrals and notices wait"
        in hearthgate("agreement", "suspend", *words, reason, *here, answer="n\n").err
    )
    assert "Vale Police has our notice" in hearthgate("agreement", "suspend", *words, reason, *here, "--yes").out
    [police] = hearthgate("agreement", "show", "vale-early-help", *there, "--json").json["versions"]
    assert (police["in_force"], police["closed"], police["suspension_reason"]) == (False, None, reason)
    assert police["reason"].startswith("Vale Council has suspended it since ")
    [council] = hearthgate("agreement", "show", "vale-early-help", *here, "--json").json["versions"]
    assert council["notices"] == {"Vale Police": True}
    assert hearthgate("agreement", "suspend", *words, reason, *here, "--yes").code == 1
    assert hearthgate("agreement", "resume", *words, "Agreed.", *here, "--yes", "--json").json["state"] == "resumed"
    assert hearthgate("agreement", "resume", *words, "Agreed.", *here, "--yes").code == 1
    [police] = hearthgate("agreement", "list", *there, "--json").json["agreements"]
    assert police["in_force"] is True
