"""Answer what resolving an entity led to, for those who ask instead of resolving (OpenID Federation 1.0 section 8.3).

A party that relies on the response trusts the resolver to have verified the chain. The chain comes with it, so that
this trust is not necessary. No node of ours relies on one. It is read by these rules (section 8.3.2):

1. signed under `typ` exactly `resolve-response+jwt`, by a federation key that is trusted to be the resolver's;
2. `iss` and `sub` are entity identifiers;
3. `iat` and `exp`, 120 h apart at most, as in the statements that it was made from;
4. no `aud`: we ask unauthenticated, and a response to another party is not ours;
5. `metadata` as in a statement; `trust_chain`, from the subject to the anchor; `trust_marks`, as in a statement.

Not checked here: the chain itself, and that the answer agrees with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trust import claims, jose
from trust.errors import MalformedClaims, WrongAudience
from trust.federation.entity_statement import MAX_BYTES as MAX_STATEMENT
from trust.federation.entity_statement import MAX_LIFE, metadata_of
from trust.federation.trust_mark import StatedMark, stated_marks, stated_marks_to_json
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "resolve-response+jwt"
MAX_BYTES = 262144
"""A chain of 128 kB, and what was resolved from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveResponse:
    """What a resolver found: the metadata by entity type, and the marks and the chain that it verified.

    `expires_at` is when the chain ends.
    """

    issuer: EntityId
    subject: EntityId
    issued_at: datetime
    expires_at: datetime
    metadata: Mapping[str, JsonObject] = field(repr=False)
    trust_chain: tuple[bytes, ...] = field(repr=False)
    trust_marks: tuple[StatedMark, ...] = ()


def build_resolve_response(response: ResolveResponse, signer: Signer) -> bytes:
    """Sign an answer with the resolver's federation key."""
    body: JsonObject = {
        "iss": response.issuer,
        "sub": response.subject,
        "iat": claims.to_seconds(response.issued_at),
        "exp": claims.to_seconds(response.expires_at),
        "metadata": dict(response.metadata),
        "trust_chain": [statement.decode("ascii") for statement in response.trust_chain],
    }
    if response.trust_marks:
        body["trust_marks"] = stated_marks_to_json(response.trust_marks)
    return jose.sign(body, typ=TYP, signer=signer)


def parse_resolve_response(raw: bytes, *, issuer_keys: KeySet, now: datetime) -> ResolveResponse:
    """Open an answer by the module's rules; the caller compares `issuer` and `subject`. Raise only TrustError."""
    issuer_keys.require_use(KeyUse.FEDERATION)
    body = jose.open_signed(raw, typ=TYP, keys=issuer_keys, max_bytes=MAX_BYTES).claims  # 1
    issuer = parse_entity_id(claims.require_str(body, "iss"))  # 2
    subject = parse_entity_id(claims.require_str(body, "sub"))
    times = claims.check_times(body, now=now, max_life=MAX_LIFE)  # 3
    if "aud" in body:  # 4
        raise WrongAudience("The resolve response is addressed to an authenticated caller, which we were not.")
    if "metadata" not in body:  # 5
        raise MalformedClaims("A resolve response must have 'metadata' (section 8.3.2).")
    chain = claims.require_str_list(body, "trust_chain", min_items=1, max_items=jose.MAX_CHAIN, max_len=MAX_STATEMENT)
    return ResolveResponse(
        issuer=issuer,
        subject=subject,
        issued_at=times.iat,
        expires_at=times.exp,
        metadata=metadata_of(body),
        trust_chain=tuple(statement.encode("utf-8") for statement in chain),
        trust_marks=stated_marks(body),
    )
