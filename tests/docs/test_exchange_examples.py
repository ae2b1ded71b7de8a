"""A node accepts every example of the exchange profile, and a page shows it as the file has it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.docs import exchange_examples as examples
from tests.docs import exchange_file
from tests.docs.example_keys import ANCHOR, COUNCIL, TRUST
from tests.docs.exchange_examples import MESSAGES, TOKEN_ENDPOINT
from tests.docs.pages import example, profile
from tests.docs.published_examples import NOW, PUBLISHED, keys, opened_message, signed
from tests.docs.showing import claims_of
from trust import strict_json
from trust.agreements.agreement import InForce, NotInForce, in_force, parse_agreement
from trust.agreements.decision import LocalPolicy, Permit, RequestFacts, decide_request
from trust.agreements.signature import verify_signature
from trust.claims import digest
from trust.exchange import eligibility, involvement, misuse
from trust.exchange.refusal import parse_refusal_body
from trust.exchange.reply import Reply, open_reply
from trust.federation.anchor_keys import parse_anchor_keys
from trust.federation.chain import verify_chain
from trust.federation.enrolment import parse_enrolment_request
from trust.federation.historical_keys import parse_historical_keys
from trust.federation.suspension import SuspensionState, parse_suspension
from trust.federation.trust_mark import (
    MarkOwner,
    MarkStatus,
    data_protection_mark,
    parse_status_response,
    verify_trust_mark,
)
from trust.keys import KeyUse
from trust.oauth import access_token, authorization_details, client_assertion, dpop_proof
from trust.oauth.authorization_details import covers


def opened_reply(name: str) -> Reply:
    sent = opened_message()
    return open_reply(
        signed(name),
        holder_keys=keys(TRUST, KeyUse.MESSAGE),
        own_id=COUNCIL,
        sent=sent.ref,
        message=sent.message,
        now=NOW,
    )


@pytest.mark.parametrize("name", sorted(exchange_file.shown_examples(PUBLISHED)))
def test_a_page_shows_each_example_as_the_file_has_it(name: str) -> None:
    shown, held = example(profile(), name), exchange_file.shown_examples(PUBLISHED)[name]
    assert shown.rstrip("\n") == held.rstrip("\n")
    assert profile().count(f"<!-- example: {name} -->") == 1


def test_the_statements_form_a_chain_to_the_anchor() -> None:
    names = ("entity configuration", "subordinate statement", "anchor configuration")
    pinned = {ANCHOR: keys(ANCHOR, KeyUse.FEDERATION)}
    trusted = verify_chain([signed(name) for name in names], anchors=pinned, now=NOW)
    assert trusted.entity_id == COUNCIL
    assert trusted.node is not None
    assert trusted.node.message_keys == keys(COUNCIL, KeyUse.MESSAGE)
    assert trusted.authorization_server is not None
    assert trusted.oauth_client_keys == keys(COUNCIL, KeyUse.OAUTH)


def test_the_enrolment_request_names_the_councils_key() -> None:
    asked = parse_enrolment_request(signed("enrolment request"), now=NOW)
    assert asked.entity_id == COUNCIL
    assert set(asked.thumbprints) == keys(COUNCIL, KeyUse.FEDERATION).kids


def test_the_anchors_mark_for_the_council_counts_under_its_owners_delegation() -> None:
    mark_type = data_protection_mark(ANCHOR)
    mark = verify_trust_mark(
        signed("trust mark"),
        subject=COUNCIL,
        issuers={mark_type: (ANCHOR,)},
        owners={mark_type: MarkOwner(entity=TRUST, keys=keys(TRUST, KeyUse.FEDERATION))},
        keys_of={ANCHOR: keys(ANCHOR, KeyUse.FEDERATION)}.get,
        now=NOW,
    )
    assert (mark.issuer, mark.mark_type) == (ANCHOR, mark_type)
    assert claims_of(PUBLISHED["signed"]["trust mark"])["delegation"] == PUBLISHED["signed"]["trust mark delegation"]
    status = parse_status_response(
        signed("trust mark status"), issuer_keys=keys(ANCHOR, KeyUse.FEDERATION), mark=mark.raw, now=NOW
    )
    assert status is MarkStatus.ACTIVE


def test_the_anchors_suspension_is_the_one_that_the_reply_tells_of() -> None:
    suspension = parse_suspension(signed("suspension"), issuer_keys=keys(ANCHOR, KeyUse.FEDERATION), now=NOW)
    assert (suspension.subject, suspension.state) == (COUNCIL, SuspensionState.SUSPENDED)
    assert opened_reply("reply: known").suspensions == {ANCHOR: suspension.seq}


def test_the_anchors_keys_are_its_recovery_keys_word() -> None:
    document = parse_anchor_keys(signed("anchor keys"), recovery_keys=keys(ANCHOR, KeyUse.RECOVERY), now=NOW)
    assert (document.anchor, document.keys) == (ANCHOR, keys(ANCHOR, KeyUse.FEDERATION))


def test_the_anchors_history_tells_of_a_key_that_it_no_longer_has() -> None:
    history = parse_historical_keys(signed("historical keys"), issuer_keys=keys(ANCHOR, KeyUse.FEDERATION), now=NOW)
    [past] = history.keys
    assert past.kid not in keys(ANCHOR, KeyUse.FEDERATION).kids
    assert past.revoked is not None


def test_the_assertion_the_proofs_and_the_token_belong_together() -> None:
    assertion = client_assertion.verify(
        signed("client assertion"), client_id=COUNCIL, issuer=TRUST, keys=keys(COUNCIL, KeyUse.OAUTH), now=NOW
    )
    asking = dpop_proof.verify(
        signed("token request proof"), method="POST", url=TOKEN_ENDPOINT, now=NOW, access_token=None
    )
    token = access_token.verify(
        signed("access token"),
        issuer=TRUST,
        audience=TRUST + "/exchange/v1",
        keys=keys(TRUST, KeyUse.OAUTH),
        now=NOW,
        max_life=access_token.PEER_MAX_LIFE,
    )
    using = dpop_proof.verify(
        signed("message proof"), method="POST", url=MESSAGES, now=NOW, access_token=signed("access token")
    )
    assert assertion.client_id == token.client_id == COUNCIL
    assert asking.jkt == using.jkt == token.jkt
    assert covers(token.details[0], opened_message().message)


def test_the_message_is_permitted_by_the_agreement() -> None:
    agreement = parse_agreement(PUBLISHED["agreement"].encode())
    message = opened_message().message
    token = claims_of(PUBLISHED["signed"]["access token"])
    facts = RequestFacts(
        sender=COUNCIL,
        caller=COUNCIL,
        message=message,
        token_details=authorization_details.parse(token["authorization_details"]),
    )
    permit = decide_request(facts, agreement=InForce(agreement=agreement), local=LocalPolicy(), own=TRUST, now=NOW)
    assert isinstance(permit, Permit)
    assert permit.fields == agreement.clauses[0].fields_by_role[message.practitioner.role]


def test_the_agreement_lacks_only_the_signature_that_the_page_does_not_show() -> None:
    agreement = parse_agreement(PUBLISHED["agreement"].encode())
    signature = verify_signature(
        signed("agreement signature"),
        party=COUNCIL,
        keys=keys(COUNCIL, KeyUse.FEDERATION),
        agreement=agreement.ref,
        now=NOW,
    )
    held = in_force(agreement, {COUNCIL: signature}, NOW)
    assert isinstance(held, NotInForce)
    assert held.missing == (TRUST,)


@pytest.mark.parametrize("name", ["reply: known", "reply: nothing to share", "reply: refused"])
def test_each_reply_answers_the_message_and_names_the_holders_leaf(name: str) -> None:
    assert opened_reply(name).evidence == {"leaf": digest(PUBLISHED["leaf"].encode())}


def test_the_replies_bodies_are_of_their_kind() -> None:
    known = involvement.parse_reply_body(opened_reply("reply: known").body)
    silent = involvement.parse_reply_body(opened_reply("reply: nothing to share").body)
    refusal = parse_refusal_body(opened_reply("reply: refused").body)
    assert known.keep_until == date(2026, 11, 23) + timedelta(days=7)
    assert silent.involvements == ()
    assert refusal.code == "role_not_permitted"


def test_the_eligibility_bodies_are_of_their_kind() -> None:
    query = eligibility.parse_query_body(dict(examples.BODIES["eligibility query body"]))
    answer = eligibility.parse_reply_body(dict(examples.BODIES["eligibility reply body"]))
    assert query.dropped == ()
    assert answer.as_of == query.as_of


MINUTES_LATER = NOW + timedelta(minutes=2)


def opened_query() -> misuse.OpenedQuery:
    raw, holder = signed("misuse query"), keys(TRUST, KeyUse.MESSAGE)
    assert misuse.peek_holder(raw) == TRUST
    return misuse.open_query(raw, holder_keys=holder, own_id=COUNCIL, now=MINUTES_LATER)


def test_the_query_about_misuse_means_the_message_and_its_practitioner() -> None:
    query, meant = opened_query().query, opened_message()
    assert (query.message, query.pseudonym) == (meant.ref, meant.message.practitioner.sub)
    assert query.received_at == meant.message.iat


@pytest.mark.parametrize("state", misuse.MisuseState)
def test_each_reply_answers_the_query_about_misuse(state: misuse.MisuseState) -> None:
    query = opened_query().query
    reply = misuse.open_reply(
        signed(f"misuse reply: {state}"),
        asker_keys=keys(COUNCIL, KeyUse.MESSAGE),
        sent=signed("misuse query"),
        query=query,
        now=MINUTES_LATER,
    )
    assert reply.state is state
    assert (reply.practitioner is not None) == (state is misuse.MisuseState.ANSWERED)
    due = misuse.due_by(MINUTES_LATER)
    assert reply.due == (None if state is misuse.MisuseState.UNKNOWN else int(due.timestamp()))


def test_the_leaf_is_canonical_and_names_the_message() -> None:
    leaf = strict_json.loads(PUBLISHED["leaf"].encode(), max_bytes=65_536)
    assert strict_json.dumps(leaf).decode() == PUBLISHED["leaf"]
    assert leaf["message"]["digest"] == opened_message().digest
    assert datetime.fromisoformat(leaf["at"]) == NOW.astimezone(UTC)


def test_the_examples_can_be_made_again() -> None:
    made = examples.make()
    assert made.signed.keys() == PUBLISHED["signed"].keys()
    assert made.agreement.decode() == PUBLISHED["agreement"]
