"""A case system is registered with limits, gets a token like any client, and loses it for good."""

import json
import stat
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Answer, Partnership, hearthgate, seconded
from trust.keys import KeyUse, LocalSigner

LIMITS = ("--service", "families", "--role", "key-worker", "--role", "duty-officer", "--unit", "North team")


def add(partnership: Partnership, *words: str | Path, client_id: str = "case-system") -> Answer:
    config = partnership.config("council")
    return seconded(config, "client", "add", "--id", client_id, "--name", "Case system", *words)


def listed(partnership: Partnership) -> list[dict[str, object]]:
    found: list[dict[str, object]] = hearthgate(
        "client", "list", "--config", partnership.config("council"), "--json"
    ).json["clients"]
    return found


def token(partnership: Partnership, key: Path, client_id: str = "case-system") -> Answer:
    return hearthgate("client", "token", client_id, "--key", key, "--config", partnership.config("council"))


def test_a_key_made_here_is_the_case_systems_only(partnership: Partnership) -> None:
    key = partnership.root / "case.pem"
    assert add(partnership, *LIMITS, "--generate-key", key).code == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    kid = LocalSigner.from_pem(key.read_bytes(), KeyUse.OAUTH).kid
    (client,) = listed(partnership)
    assert client["key_ids"] == [kid]
    positions = [("families", role, "North team") for role in ("key-worker", "duty-officer")]
    assert client["positions"] == [{"service": s, "role": r, "org_unit": u} for s, r, u in positions]


def test_who_registers_a_case_system_sees_its_limits_before(partnership: Partnership) -> None:
    key = partnership.root / "case.pem"
    words = ["client", "add", "--config", partnership.config("council"), "--id", "case-system", "--name", "Case system"]
    answer = hearthgate(*words, *LIMITS, "--generate-key", key, answer="n\n")
    assert answer.code == 1
    assert "families: key-worker in North team" in answer.err
    assert not key.exists()
    assert listed(partnership) == []


def test_a_case_system_may_bring_its_own_keys_without_our_names_on_them(partnership: Partnership) -> None:
    signer = LocalSigner.generate(KeyUse.OAUTH)
    plain = {name: value for name, value in signer.public.jwk.items() if name in {"kty", "crv", "x", "y"}}
    jwks = partnership.root / "jwks.json"
    jwks.write_text(json.dumps({"keys": [plain]}))
    assert add(partnership, *LIMITS, "--jwks", jwks).code == 0
    assert listed(partnership)[0]["key_ids"] == [signer.kid]


@pytest.mark.parametrize("document", ["{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AAAA"}]}', "nonsense"])
def test_what_is_no_set_of_public_keys_is_refused(partnership: Partnership, document: str) -> None:
    jwks = partnership.root / "jwks.json"
    jwks.write_text(document)
    assert add(partnership, *LIMITS, "--jwks", jwks).code == 1
    assert listed(partnership) == []


def test_every_mistake_is_named_at_once_and_no_key_is_made(partnership: Partnership) -> None:
    key = partnership.root / "case.pem"
    words = ("--service", "gardening", "--role", "Key Worker", "--unit", "two\nlines", "--generate-key", key)
    answer = add(partnership, *words, client_id="Case System")
    assert answer.code == 1
    assert [fault.partition(":")[0] for fault in answer.json["faults"]] == [
        "--service gardening",
        "--id",
        "--role",
        "--unit",
    ]
    assert not key.exists()


def test_positions_of_several_services_are_given_row_by_row(partnership: Partnership) -> None:
    key = partnership.root / "case.pem"
    rows = (
        "--position",
        "families",
        "key-worker",
        "North team",
        "--position",
        "families",
        "duty-officer",
        "Out of hours",
    )
    assert add(partnership, *rows, "--generate-key", key).code == 0
    (client,) = listed(partnership)
    assert client["positions"] == [
        {"service": "families", "role": "key-worker", "org_unit": "North team"},
        {"service": "families", "role": "duty-officer", "org_unit": "Out of hours"},
    ]
    for words in ((*LIMITS, *rows[:4]), ("--service", "families", *LIMITS), ("--role", "key-worker"), ()):
        assert add(partnership, *words, "--generate-key", partnership.root / "x.pem", client_id="other").code == 2


def test_an_id_never_changes_hands(partnership: Partnership) -> None:
    assert add(partnership, *LIMITS, "--generate-key", partnership.root / "one.pem").code == 0
    words = ["client", "revoke", "case-system", "--config", partnership.config("council"), "--yes"]
    assert hearthgate(*words).code == 0
    assert hearthgate(*words).code == 1
    again = add(partnership, *LIMITS, "--generate-key", partnership.root / "two.pem")
    assert again.code == 1
    assert "taken" in again.json["error"]
    assert not (partnership.root / "two.pem").exists()


def test_keys_are_asked_for_in_one_way(partnership: Partnership) -> None:
    assert add(partnership, *LIMITS).code == 2
    assert add(partnership, *LIMITS, "--jwks", "a", "--generate-key", "b").code == 2


def test_a_token_comes_from_the_running_node_alone_on_its_line(partnership: Partnership) -> None:
    key = partnership.root / "case.pem"
    add(partnership, *LIMITS, "--generate-key", key)
    stopped = token(partnership, key)
    assert stopped.code == 1
    assert "hearthgate serve" in stopped.err
    partnership.run_node("council")
    answer = token(partnership, key)
    assert answer.code == 0, answer.err
    assert answer.out.count("\n") == 1
    assert answer.out.count(".") == 2
    machine = hearthgate(
        "client", "token", "case-system", "--key", key, "--config", partnership.config("council"), "--json"
    )
    assert (machine.json["token_type"], machine.json["expires_in"]) == ("Bearer", 600)


def test_a_revoked_client_and_a_wrong_key_get_no_token(partnership: Partnership) -> None:
    key = partnership.root / "case.pem"
    add(partnership, *LIMITS, "--generate-key", key)
    partnership.run_node("council")
    other = partnership.root / "other.pem"
    other.write_bytes(LocalSigner.generate(KeyUse.OAUTH).to_pem())
    wrong = token(partnership, other)
    assert wrong.code == 1
    assert "401" in wrong.err
    hearthgate("client", "revoke", "case-system", "--config", partnership.config("council"), "--yes")
    assert token(partnership, key).code == 1


def rekey(partnership: Partnership, *words: str | Path, client_id: str = "case-system") -> Answer:
    return seconded(partnership.config("council"), "client", "keys", client_id, *words)


def test_a_new_key_works_beside_the_old_one_until_that_is_dropped(partnership: Partnership) -> None:
    old, new = partnership.root / "old.pem", partnership.root / "new.pem"
    add(partnership, *LIMITS, "--generate-key", old)
    partnership.run_node("council")
    assert rekey(partnership, "--generate-key", new).code == 0
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert [token(partnership, key).code for key in (old, new)] == [0, 0]
    kid = LocalSigner.from_pem(old.read_bytes(), KeyUse.OAUTH).kid
    assert rekey(partnership, "--drop", kid).code == 0
    assert [token(partnership, key).code for key in (old, new)] == [1, 0]


def test_a_vendors_set_of_keys_takes_the_place_of_all(partnership: Partnership) -> None:
    add(partnership, *LIMITS, "--generate-key", partnership.root / "old.pem")
    signer, jwks = LocalSigner.generate(KeyUse.OAUTH), partnership.root / "jwks.json"
    jwks.write_text(json.dumps({"keys": [signer.public.jwk]}))
    assert rekey(partnership, "--jwks", jwks).code == 0
    assert listed(partnership)[0]["key_ids"] == [signer.kid]


def test_a_case_system_keeps_a_key_and_at_most_sixteen(partnership: Partnership) -> None:
    key = partnership.root / "0.pem"
    add(partnership, *LIMITS, "--generate-key", key)
    kid = LocalSigner.from_pem(key.read_bytes(), KeyUse.OAUTH).kid
    assert "client revoke" in rekey(partnership, "--drop", kid).json["error"]
    assert "has no key" in rekey(partnership, "--drop", "unknown").json["error"]
    assert [rekey(partnership, "--generate-key", partnership.root / f"{n}.pem").code for n in range(1, 17)] == [
        *[0] * 15,
        1,
    ]
    assert len(listed(partnership)[0]["key_ids"]) == 16  # type: ignore[arg-type]
    assert not (partnership.root / "16.pem").exists()


def test_keys_are_changed_in_one_way_at_a_time_and_of_no_revoked_client(partnership: Partnership) -> None:
    key = partnership.root / "case.pem"
    add(partnership, *LIMITS, "--generate-key", key)
    assert rekey(partnership).code == rekey(partnership, "--jwks", "a", "--drop", "b").code == 2
    hearthgate("client", "revoke", "case-system", "--config", partnership.config("council"), "--yes")
    for client_id in ("case-system", "nobody"):
        other = partnership.root / f"{client_id}.pem"
        assert rekey(partnership, "--generate-key", other, client_id=client_id).code == 1
        assert not other.exists()
