"""The fuzz targets: all that ``trust`` takes from outside, before and behind a good signature, and background work.

A fuzzer cannot sign, so the targets named ``signed_*`` sign any claims that it makes up: that is the view of a member
who turned hostile. Each target lets nothing but a ``TrustError`` pass unseen.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from tests.fuzz import unattended
from tests.trust.makers import NOW, compact, header, key_set, signer
from trust import jose, strict_json
from trust.agreements import ending, party_call, reading, signature
from trust.agreements.agreement import parse_agreement
from trust.agreements.draft import check_draft, parse_draft
from trust.agreements.toml_draft import read_toml, to_signed_form
from trust.claims import digest
from trust.errors import TrustError
from trust.exchange import message, misuse
from trust.exchange.envelope import AgreementRef, RequestRef, agreement_to_json
from trust.federation import (
    anchor_keys,
    enrolment,
    entity_statement,
    historical_keys,
    key_revocation,
    resolve_response,
    suspension,
    trust_mark,
)
from trust.identifiers import AgreementId, EntityId
from trust.keys import Alg, KeySet, KeyUse
from trust.oauth import access_token, authorization_details, client_assertion, dpop_proof, id_token, provider_keys
from trust.oauth.id_token import TokenKind

OWN = EntityId("https://police.example")
PEER = EntityId("https://council.example")
_MAX_JSON = 65_536
_MARK = "https://council.example/marks/data-protection-assured"
_FEDERATION, _MESSAGE, _OAUTH, _DPOP, _RECOVERY = (
    signer(use) for use in (KeyUse.FEDERATION, KeyUse.MESSAGE, KeyUse.OAUTH, KeyUse.DPOP, KeyUse.RECOVERY)
)
_NOW_S = int(NOW.timestamp())
_TIMES = {"iat": _NOW_S, "exp": _NOW_S + 60, "jti": "an-id"}
_SIGNED_IN = id_token.Expected(
    issuer="https://id.example",
    algorithm=Alg.ES256,
    clients=frozenset({"families-cases"}),
    resource="https://node.example/case/v1",
    names=id_token.ClaimNames(role="roles", unit="unit"),
    second_factor=id_token.SecondFactor(
        values={"amr": frozenset({"mfa"}), "acr": frozenset({"https://id.example/two"})}
    ),
    max_auth_age=timedelta(hours=10),
)
_ASKED = b"the bytes of a query"
_QUERY = misuse.MisuseQuery(
    iss=PEER,
    aud=OWN,
    iat=_NOW_S,
    exp=_NOW_S + 60,
    jti="query-id-0123456789ab",
    query="investigation-0123456",
    message=RequestRef(jti="message-id-0123456789", digest="A" * 43),
    received_at=_NOW_S,
    pseudonym="pseudonym-0123456789a",
    reason="Nobody in this unit works with the family.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to fuzz, with inputs to begin from."""

    run: Callable[[bytes], None]
    seeds: Sequence[bytes]


def _token(data: bytes) -> None:
    for use, typ in ((KeyUse.MESSAGE, message.TYP), (KeyUse.FEDERATION, entity_statement.TYP)):
        keys = key_set(signer(use))
        with suppress(TrustError):
            jose.open_signed(data, typ=typ, keys=keys)
        with suppress(TrustError):
            jose.open_self_signed(data, typ=typ, use=use, max_bytes=_MAX_JSON)
    with suppress(TrustError):
        jose.open_with_embedded_jwk(data, typ=dpop_proof.TYP, max_bytes=_MAX_JSON)
    with suppress(TrustError):
        client_assertion.peek_client_id(data)


def _header(data: bytes) -> None:
    """Open a token whose header the fuzzer wrote, under a signature that is good for it."""
    with suppress(TrustError):
        jose.open_signed(compact(data, {}, _MESSAGE), typ=message.TYP, keys=key_set(_MESSAGE))


def _json(data: bytes) -> None:
    try:
        value = strict_json.loads_any(data, max_bytes=_MAX_JSON)
    except TrustError:
        return
    if json.loads(data) != value:
        raise AssertionError("two parsers read different documents in the same bytes")
    strict_json.dumps(value)  # any document that was read can be digested, stored and sent


def _statements(data: bytes) -> None:
    raw = compact(header(_FEDERATION, entity_statement.TYP), data, _FEDERATION)
    with suppress(TrustError):
        entity_statement.parse_entity_configuration(raw, now=NOW)
    with suppress(TrustError):
        entity_statement.parse_subordinate_statement(raw, superior_keys=key_set(_FEDERATION), now=NOW)
    with suppress(TrustError):
        request = compact(header(_FEDERATION, enrolment.TYP), data, _FEDERATION)
        enrolment.parse_enrolment_request(request, now=NOW)


def _standing(data: bytes) -> None:
    """Read what an authority says beyond a chain: suspensions, keys of the past, answers of a resolver."""
    keys = key_set(_FEDERATION)
    for module, parse in (
        (suspension, suspension.parse_suspension),
        (historical_keys, historical_keys.parse_historical_keys),
        (key_revocation, key_revocation.parse_key_revocation),
        (resolve_response, resolve_response.parse_resolve_response),
    ):
        with suppress(TrustError):
            parse(compact(header(_FEDERATION, module.TYP), data, _FEDERATION), issuer_keys=keys, now=NOW)
    with suppress(TrustError):
        replaced = compact(header(_RECOVERY, anchor_keys.TYP), data, _RECOVERY)
        anchor_keys.parse_anchor_keys(replaced, recovery_keys=key_set(_RECOVERY), now=NOW)
    with suppress(TrustError):
        anchor_keys.parse_pin(data, PEER)


def _marks(data: bytes) -> None:
    keys = key_set(_FEDERATION)
    mark = compact(header(_FEDERATION, trust_mark.TYP), data, _FEDERATION)
    owners = {_MARK: trust_mark.MarkOwner(entity=PEER, keys=keys)}
    with suppress(TrustError):
        trust_mark.verify_trust_mark(
            mark, subject=PEER, issuers={_MARK: ()}, owners=owners, keys_of=lambda _: keys, now=NOW
        )
    with suppress(TrustError):
        status = compact(header(_FEDERATION, trust_mark.STATUS_TYP), data, _FEDERATION)
        trust_mark.parse_status_response(status, issuer_keys=keys, mark=mark, now=NOW)
    with suppress(TrustError):
        trust_mark.stated_marks(strict_json.loads(data, max_bytes=_MAX_JSON))


def _messages(data: bytes) -> None:
    keys = key_set(_MESSAGE)
    with suppress(TrustError):
        opened = compact(header(_MESSAGE, message.TYP), data, _MESSAGE)
        message.open_message(opened, sender_keys=keys, own_id=OWN, now=NOW)


def _tokens(data: bytes) -> None:
    keys = key_set(_OAUTH)
    with suppress(TrustError):
        assertion = compact(header(_OAUTH, client_assertion.TYP), data, _OAUTH)
        client_assertion.verify(assertion, client_id=PEER, keys=keys, issuer=OWN, now=NOW)
    with suppress(TrustError):
        token = compact(header(_OAUTH, access_token.TYP), data, _OAUTH)
        access_token.verify(token, keys=keys, issuer=OWN, audience=OWN, now=NOW, max_life=access_token.PEER_MAX_LIFE)
    with suppress(TrustError):
        public = {name: _DPOP.public.jwk[name] for name in ("kty", "crv", "x", "y")}
        proof = compact({"typ": dpop_proof.TYP, "alg": "ES256", "jwk": public}, data, _DPOP)
        dpop_proof.verify(proof, method="POST", url=OWN, now=NOW, access_token=b"token")
    with suppress(TrustError):
        authorization_details.parse(strict_json.loads_any(data, max_bytes=_MAX_JSON))


def _sign_in(data: bytes) -> None:
    """Read what a provider says of a practitioner, as either of the two tokens that may say it."""
    keys = provider_keys.parse(key_set(_OAUTH).to_jwks(), Alg.ES256)
    for kind in TokenKind:
        raw = compact(header(_OAUTH, kind), data, _OAUTH)
        with suppress(TrustError):
            id_token.peek_issuer(raw, kind=kind, algorithms=[Alg.ES256])
        with suppress(TrustError):
            id_token.verify(raw, kind=kind, expected=_SIGNED_IN, keys=keys, now=NOW)


def _misuse(data: bytes) -> None:
    """Read a holder's query, and what the agency that it asks replies."""
    keys = key_set(_MESSAGE)
    query = compact(header(_MESSAGE, misuse.QUERY_TYP), data, _MESSAGE)
    with suppress(TrustError):
        misuse.peek_holder(query)
    with suppress(TrustError):
        misuse.open_query(query, holder_keys=keys, own_id=OWN, now=NOW)
    with suppress(TrustError):
        reply = compact(header(_MESSAGE, misuse.REPLY_TYP), data, _MESSAGE)
        misuse.open_reply(reply, asker_keys=keys, sent=_ASKED, query=_QUERY, now=NOW)


def _agreement(data: bytes) -> None:
    with suppress(TrustError):
        parse_agreement(data)
    with suppress(TrustError):
        reading.read_out(parse_draft(data))
    with suppress(TrustError, UnicodeDecodeError):
        check_draft(to_signed_form(read_toml(data.decode()).document))


def _signed_agreements(data: bytes) -> None:
    """Read what parties send each other about an agreement."""
    keys = key_set(_FEDERATION)
    signed, ended, called = (
        compact(header(_FEDERATION, module.TYP), data, _FEDERATION) for module in (signature, ending, party_call)
    )
    with suppress(TrustError):
        signature.peek_party(signed)
    with suppress(TrustError):
        signature.verify_signature(signed, party=PEER, keys=keys, agreement=_AGREED, now=NOW)
    with suppress(TrustError):
        ending.verify_ending(ended, party=PEER, keys=keys, agreement=_AGREED, now=NOW)
    with suppress(TrustError):
        party_call.peek_caller(called)
    with suppress(TrustError):
        party_call.open_call(called, caller=PEER, keys=keys, own=OWN, agreement=_AGREED, now=NOW)


def _keys(data: bytes) -> None:
    with suppress(TrustError):
        KeySet.from_jwks(strict_json.loads(data, max_bytes=_MAX_JSON), KeyUse.MESSAGE)
    with suppress(TrustError):
        provider_keys.parse(strict_json.loads(data, max_bytes=_MAX_JSON), Alg.ES256)


def _encoded(*documents: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(document).encode() for document in documents)


_AGREED = AgreementRef(id=AgreementId("early-help"), version=1, digest="A" * 43)
_CLAIMS = {"iss": PEER, "sub": PEER, "aud": OWN, **_TIMES}
_JWKS = key_set(_FEDERATION).to_jwks()
_ENVELOPE = {
    **_CLAIMS,
    "kind": "involvement.query",
    "v": 1,
    "agreement": {"id": "early-help", "version": 1, "digest": "A" * 43},
    "clause": "who-else",
    "purpose": "early-help",
    "basis": ["6-1-e"],
    "from_service": "families",
    "to_service": "response",
    "practitioner": {"sub": "p", "role": "key-worker", "org_unit": "east", "call_back": "01632 960001"},
    "subject": {"family_name": "Example", "given_names": "Sam", "birth_date": "2001-02-03"},
    "body": {},
}
_SIGNS_IN = {
    **_TIMES,
    "iss": _SIGNED_IN.issuer,
    "sub": "u-17",
    "aud": "families-cases",
    "auth_time": _NOW_S - 60,
    "amr": ["pwd", "mfa"],
    "roles": ["key-worker"],
    "unit": "east",
}
_ASKS = {
    "iss": PEER,
    "aud": OWN,
    "iat": _NOW_S,
    "exp": _NOW_S + 60,
    "jti": _QUERY.jti,
    "query": _QUERY.query,
    "message": {"jti": _QUERY.message.jti, "digest": _QUERY.message.digest},
    "received_at": _NOW_S,
    "pseudonym": _QUERY.pseudonym,
    "reason": _QUERY.reason,
}
_REPLIES = {
    **_ASKS,
    "iss": OWN,
    "aud": PEER,
    "request": {"jti": _QUERY.jti, "digest": digest(_ASKED)},
    "state": "answered",
    "due": _NOW_S,
    "practitioner": {"name": "R. Example", "role": "key-worker", "org_unit": "east", "contact": "Duty officer"},
}
_STATEMENT = {
    **_CLAIMS,
    "jwks": _JWKS,
    "metadata": {"federation_entity": {"organization_name": "Vale"}},
    "authority_hints": [PEER],
    "metadata_policy": {"oauth_client": {"scope": {"subset_of": ["a b"], "essential": True}}},
    "constraints": {"max_path_length": 1, "naming_constraints": {"permitted": [".example"]}},
}

TARGETS: Mapping[str, Target] = {
    "token": Target(
        run=_token,
        seeds=(
            compact(header(_MESSAGE, message.TYP), _ENVELOPE, _MESSAGE),
            compact(header(_FEDERATION, entity_statement.TYP), _STATEMENT, _FEDERATION),
        ),
    ),
    "header": Target(run=_header, seeds=_encoded(header(_MESSAGE, message.TYP), {"alg": "none", "crit": ["b64"]})),
    "json": Target(run=_json, seeds=(*_encoded(_ENVELOPE, [1.5e3, -0, "\ud83d\ude00"]), b'["\\uD83D\\uDE00"]')),
    "signed_statements": Target(run=_statements, seeds=_encoded(_STATEMENT)),
    "signed_standing": Target(
        run=_standing,
        seeds=_encoded(
            {**_CLAIMS, "sub": OWN, "seq": 1, "state": "suspended"},
            {**_CLAIMS, "seq": 1, "jwks": _JWKS},
            {**_CLAIMS, "kid": "A" * 43, "use": "message", "revoked_at": 1, "reason": "lost"},
            {**_CLAIMS, "keys": [{**_JWKS["keys"][0], "exp": 1, "revoked": {"revoked_at": 1, "reason": "lost"}}]},
            {**_CLAIMS, "metadata": {}, "trust_chain": ["a"], "trust_marks": []},
            {"entity_id": PEER, **_JWKS, "recovery": key_set(_RECOVERY).to_jwks()},
        ),
    ),
    "signed_marks": Target(
        run=_marks,
        seeds=_encoded(
            {**_CLAIMS, "trust_mark_type": _MARK, "delegation": "a.b.c"},
            {**_CLAIMS, "trust_mark": "a.b.c", "status": "active"},
            {"trust_marks": [{"trust_mark_type": _MARK, "trust_mark": "a.b.c"}]},
        ),
    ),
    "signed_messages": Target(run=_messages, seeds=_encoded(_ENVELOPE)),
    "signed_tokens": Target(run=_tokens, seeds=_encoded({**_CLAIMS, "htm": "POST", "htu": OWN, "ath": "A" * 43})),
    "signed_sign_in": Target(
        run=_sign_in,
        seeds=_encoded(
            _SIGNS_IN,
            {**_SIGNS_IN, "aud": [_SIGNED_IN.resource], "client_id": "families-cases", "acr": "https://id.example/two"},
        ),
    ),
    "signed_misuse": Target(
        run=_misuse, seeds=_encoded(_ASKS, _REPLIES, {**_REPLIES, "state": "pending"}, {**_REPLIES, "state": "unknown"})
    ),
    "agreement": Target(
        run=_agreement,
        seeds=(
            *_encoded({"id": "early-help", "version": 1, "parties": [{}]}),
            b'id = "x"\n[[parties]]\nservices = ["a"]\n',
        ),
    ),
    "signed_agreements": Target(
        run=_signed_agreements,
        seeds=_encoded(
            {**_CLAIMS, "agreement": agreement_to_json(_AGREED), "signatory": {"name": "R. Example", "post": "SIRO"}},
            {**_CLAIMS, "agreement": agreement_to_json(_AGREED), "closure": "ended"},
            {**_CLAIMS, "jti": "j", "agreement": agreement_to_json(_AGREED), "signature": "a.b.c", "ending": "d.e.f"},
        ),
    ),
    "unattended": Target(run=unattended.run, seeds=unattended.SEEDS),
    "keys": Target(run=_keys, seeds=_encoded(key_set(_MESSAGE).to_jwks())),
}
