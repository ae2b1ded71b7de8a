"""Each party signs for itself, and nothing flows until all have."""

import json
from pathlib import Path

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
    assert "It binds nobody until every party has signed it." in answer.out


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


def test_a_signature_that_nobody_vouches_for_is_refused_and_nothing_is_stored(both: Partnership) -> None:
    document = both.agreement()
    signature = both.signature("police", document)
    words = ["--reason", "left", "--emergency", "now", "--config", both.config("anchor"), "--yes"]
    hearthgate("trust", "suspend", POLICE, *words)
    answer = add(both, document, signature)
    assert answer.code == 1
    assert "Nobody vouches for https://police.example" in answer.json["error"]
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
    assert "Nobody vouches" in answer.json["error"]


def test_another_text_under_the_same_version_is_refused(partnership: Partnership) -> None:
    assert add(partnership, partnership.agreement()).code == 0
    answer = add(partnership, partnership.agreement(title="Other words"))
    assert answer.code == 1
    assert "give it a new version" in answer.json["error"]


def test_an_agreement_ends_at_once_and_once(both: Partnership) -> None:
    document = both.agreement()
    add(both, document, both.signature("council", document), both.signature("police", document))
    words = ["agreement", "end", "vale-early-help", "1", "--config", both.config("council")]
    assert hearthgate(*words, answer="n\n").code == 1
    ended = hearthgate(*words, "--yes")
    assert ended.code == 0
    assert "neither asks nor answers" in ended.err
    listed = hearthgate("agreement", "list", "--config", both.config("council"), "--json")
    assert listed.json["agreements"][0]["in_force"] is False
    assert hearthgate(*words, "--yes").code == 1
    assert hearthgate("agreement", "end", "vale-early-help", "9", "--config", both.config("council")).code == 1
