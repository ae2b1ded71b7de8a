"""Requests wait until an administrator compared a thumbprint, and are admitted on that administrator's terms."""

from datetime import timedelta
from json import dumps
from pathlib import Path

import pytest

from config.loading import load
from gateway.administration.context import now
from gateway.store.factory import open_store
from gateway.store.tables import enrolments, members
from gateway.store.tables.enrolments import WaitingEnrolment
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, Answer, Partnership, hearthgate, seconded
from trust.federation.enrolment import build_enrolment_request
from trust.federation.entity_statement import StatementDraft
from trust.federation.party_metadata import FEDERATION_ENTITY, FederationEntity, build_federation_entity
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner

COUNTY = EntityId("https://county.example")


def anchor(partnership: Partnership, *words: object, answer: str | None = None) -> Answer:
    said = () if answer is not None or words[0] == "pending" else ("--yes",)
    return hearthgate("trust", *words, *said, "--config", partnership.config("anchor"), "--json", answer=answer)


def pending(partnership: Partnership, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = anchor(partnership, "pending", *words).json["pending"]
    return found


def snapshot(partnership: Partnership) -> object:
    settings = load(partnership.config("anchor"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        return store.read(lambda tx: (members.list(tx), enrolments.list(tx, now=now())))
    finally:
        store.close()


def ask(partnership: Partnership) -> str:
    """Let the council ask over the network, and return what it reads out."""
    config = partnership.config("council")
    answer = hearthgate("trust", "join", ANCHOR, "--config", config, "--yes", "--json")
    assert answer.code == 0, answer.err
    (thumbprint,) = answer.json["thumbprints"]
    return str(thumbprint)


@pytest.fixture
def asked(partnership: Partnership) -> str:
    partnership.run_anchor()
    return ask(partnership)


@pytest.fixture
def county(partnership: Partnership) -> str:
    """Let an authority's request wait, and return its thumbprint."""
    signer = LocalSigner.generate(KeyUse.FEDERATION)
    entity = FederationEntity(name="The county", fetch_endpoint=f"{COUNTY}/fetch")
    at = now()
    draft = StatementDraft(
        subject=COUNTY,
        keys=KeySet.of(KeyUse.FEDERATION, [signer.public]),
        issued_at=at,
        expires_at=at + timedelta(days=1),
        metadata={FEDERATION_ENTITY: build_federation_entity(entity)},
    )
    raw = build_enrolment_request(draft, signer)
    waiting = WaitingEnrolment(entity=COUNTY, raw=raw, received_at=at, expires_at=at + timedelta(days=1))
    settings = load(partnership.config("anchor"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    store.write(lambda tx: enrolments.put(tx, waiting, most=None, now=at))
    store.close()
    return signer.kid


def test_a_request_waits_until_it_is_admitted_by_what_was_read_out(partnership: Partnership, asked: str) -> None:
    (waiting,) = pending(partnership)
    assert (waiting["entity_id"], waiting["intermediate"], waiting["signed_by_member"]) == (COUNCIL, False, False)
    assert asked not in dumps(waiting)
    assert pending(partnership, "--thumbprints")[0]["thumbprints"] == [asked]
    unanswered = anchor(partnership, "admit", COUNCIL)
    assert unanswered.code == 1
    assert asked not in unanswered.out + unanswered.err
    before = snapshot(partnership)
    wrong = anchor(partnership, "admit", COUNCIL, "--thumbprint", "0" * 43)
    assert wrong.code == 1
    assert asked not in wrong.out + wrong.err
    assert snapshot(partnership) == before
    for given, said in ((["rubbish"], "64 hexadecimal digits"), ([asked, asked], "1 keys to compare, and 2")):
        mistyped = anchor(partnership, "admit", COUNCIL, *(word for each in given for word in ("--thumbprint", each)))
        assert mistyped.code == 1
        assert said in mistyped.json["error"]
    unread = anchor(partnership, "admit", COUNCIL.removeprefix("https://"), "--thumbprint", asked)
    assert "neither an entity, such as https://" in unread.json["error"]
    assert snapshot(partnership) == before
    admitted = anchor(partnership, "admit", COUNCIL, "--thumbprint", asked)
    assert admitted.code == 0, admitted.err
    assert admitted.json["terms"] == {"intermediate": False}
    assert pending(partnership) == []


def test_a_request_is_dismissed_with_a_reason_and_may_come_again(partnership: Partnership, asked: str) -> None:
    assert anchor(partnership, "dismiss", COUNCIL).code == 2
    assert anchor(partnership, "dismiss", COUNCIL, "--reason", "not theirs", answer="n\n").code == 1
    assert len(pending(partnership)) == 1
    assert anchor(partnership, "dismiss", COUNCIL, "--reason", "not theirs").code == 0
    assert pending(partnership) == []
    for words in (("dismiss", COUNCIL, "--reason", "x"), ("admit", COUNCIL, "--thumbprint", asked)):
        refused = anchor(partnership, *words)
        assert refused.code == 1
        assert "No request of" in refused.json["error"]
    assert ask(partnership) == asked


def test_a_member_renews_its_membership_without_another_comparison(partnership: Partnership, asked: str) -> None:
    anchor(partnership, "admit", COUNCIL, "--thumbprint", asked)
    rotating = ("trust", "key", "rotate", "--use", "federation", "--yes", "--json")
    rotated = hearthgate(*rotating, "--config", partnership.config("council"))
    assert rotated.code == 0, rotated.err
    assert pending(partnership)[0]["signed_by_member"] is True
    renewed = seconded(partnership.config("anchor"), "trust", "admit", COUNCIL)
    assert f"A key more is vouched for: {rotated.json['made']['key_id']}" in renewed.err
    assert pending(partnership) == []


def test_a_suspended_members_renewal_is_compared_and_refused(partnership: Partnership, asked: str) -> None:
    anchor(partnership, "admit", COUNCIL, "--thumbprint", asked)
    ask(partnership)
    anchor(partnership, "suspend", COUNCIL, "--reason", "x", "--emergency", "now")
    before = snapshot(partnership)
    unanswered = anchor(partnership, "admit", COUNCIL)
    assert unanswered.code == 1
    assert "type the digits" in unanswered.json["error"]
    assert asked not in unanswered.out + unanswered.err
    refused = anchor(partnership, "admit", COUNCIL, "--thumbprint", asked)
    assert "is suspended" in refused.json["error"]
    assert snapshot(partnership) == before


def test_a_removed_member_proves_nothing_with_the_key_that_it_had(partnership: Partnership, asked: str) -> None:
    anchor(partnership, "admit", COUNCIL, "--thumbprint", asked)
    anchor(partnership, "remove", COUNCIL, "--reason", "x", "--emergency", "now")
    ask(partnership)
    before = snapshot(partnership)
    assert pending(partnership)[0]["signed_by_member"] is False
    assert anchor(partnership, "admit", COUNCIL).code == 1
    assert snapshot(partnership) == before


def test_an_intermediate_is_admitted_on_terms(partnership: Partnership, county: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(dumps({"oauth_client": {"token_endpoint_auth_method": {"value": "private_key_jwt"}}}))
    words = ["admit", COUNTY, "--thumbprint", county, "--intermediate", "--max-path-length", "1"]
    words += [
        "--allow-names",
        ".county.example",
        "--allow-names",
        "county.example",
        "--exclude-names",
        "x.county.example",
    ]
    words += ["--allowed-entity-types", "oauth_client", "--service-kinds", "housing", "--policy", str(policy)]
    admitted = anchor(partnership, *words)
    assert admitted.code == 0, admitted.err
    assert "for agencies and for no other authority" in admitted.err
    expected = {
        "intermediate": True,
        "constraints": {
            "max_path_length": 1,
            "naming_constraints": {
                "permitted": [".county.example", "county.example"],
                "excluded": ["x.county.example"],
            },
            "allowed_entity_types": ["oauth_client"],
            "service_kinds": ["housing"],
        },
        "metadata_policy": {"oauth_client": {"token_endpoint_auth_method": {"value": "private_key_jwt"}}},
    }
    assert admitted.json["terms"] == expected
    (member,) = anchor_members(partnership)
    assert member["terms"] == expected


def test_names_that_leave_out_the_intermediate_itself_are_refused(partnership: Partnership, county: str) -> None:
    before = snapshot(partnership)
    words = ["admit", COUNTY, "--thumbprint", county, "--intermediate", "--allow-names", ".county.example"]
    refused = anchor(partnership, *words)
    assert refused.code == 1
    assert "allow its own host too" in refused.json["error"]
    assert snapshot(partnership) == before
    assert anchor(partnership, *words, "--allow-names", "county.example").code == 0


def test_who_leaves_out_what_a_node_needs_is_told(partnership: Partnership, county: str) -> None:
    words = ["--intermediate", "--allowed-entity-types", "information_exchange_node"]
    admitted = anchor(partnership, "admit", COUNTY, "--thumbprint", county, *words)
    assert "A node needs oauth_client and oauth_authorization_server too" in admitted.err


def anchor_members(partnership: Partnership) -> list[dict[str, object]]:
    answer = hearthgate("trust", "list", "--config", partnership.config("anchor"), "--json")
    found: list[dict[str, object]] = answer.json["members"]
    return found


def test_an_authority_may_not_vouch_unless_an_administrator_says_so(partnership: Partnership, county: str) -> None:
    assert pending(partnership)[0]["intermediate"] is True
    admitted = anchor(partnership, "admit", COUNTY, "--thumbprint", county)
    assert admitted.json["terms"] == {"intermediate": False}
    assert "offers to vouch for others and is not let" in admitted.err


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        (["--max-path-length", "1"], None),
        (["--intermediate", "--allow-names", "https://county.example"], None),
        (["--intermediate", "--policy", "policy.json"], '{"oauth_client": {"scope": {"value": 1, "value": 2}}}'),
        (["--intermediate", "--policy", "policy.json"], '{"oauth_client": {"x": {"one_of": "a"}}}'),
        (["--intermediate", "--policy", "policy.json"], None),
    ],
    ids=["a length without intermediate", "a URL for a name", "a value twice", "an unsound policy", "no file"],
)
def test_terms_that_no_chain_could_be_held_to_are_refused(
    partnership: Partnership, county: str, tmp_path: Path, words: list[str], policy: str | None
) -> None:
    if policy is not None:
        (tmp_path / "policy.json").write_text(policy)
    before = snapshot(partnership)
    refused = anchor(partnership, "admit", COUNTY, "--thumbprint", county, *words)
    assert refused.code == 1, refused.out
    assert snapshot(partnership) == before


def test_an_agency_cannot_be_made_an_intermediate(partnership: Partnership, asked: str) -> None:
    before = snapshot(partnership)
    refused = anchor(partnership, "admit", COUNCIL, "--thumbprint", asked, "--intermediate")
    assert refused.code == 1
    assert "does not say where it would vouch" in refused.json["error"]
    assert snapshot(partnership) == before
