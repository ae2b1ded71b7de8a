"""The permission that a statutory ground gives to one message without an agreement.

It takes the place of an agreement's clause in the decision, and is never one: it grants what this message brings, to
the service that it is for, and no onward disclosure.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from trust.agreements.clause import Clause, Existence, Onward
from trust.agreements.denial import Denial, DenialCode, deny
from trust.agreements.lawful_basis import law_sentence
from trust.agreements.statutory_ground import GroundContext, check_sharing
from trust.errors import ExchangeRefused
from trust.exchange.kind import QueuedBody
from trust.exchange.message import Message
from trust.exchange.persons import PERSON_FIELDS
from trust.identifiers import ClauseId, KindName, PurposeCode, RoleCode, ServiceRef

KEEP_DAYS: Final = 90
"""How long a recipient keeps what it was told, unless it has a ground of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTerms:
    """What a message states that a ground is to permit."""

    kind: KindName
    version: int
    purpose: PurposeCode
    role: RoleCode
    asker: ServiceRef
    holder: ServiceRef


def clause_of_ground(message: Message, body: QueuedBody, *, sender_kind: str | None, now: datetime) -> Clause | Denial:
    """Return what the ground of a message permits on the day, or why it permits nothing.

    Not checked: the extent of the ground. The sender checks it, which knows where its service is.
    """
    today, ground = now.astimezone(UTC).date(), message.ground or ""
    context = GroundContext(service_kind=sender_kind or "", nations=frozenset(), on=today)
    try:
        check_sharing(ground, context)
    except ExchangeRefused as refused:
        return deny(DenialCode.GROUND_NOT_PERMITTED, detail=refused.detail)
    terms = GroundTerms(
        kind=message.kind,
        version=message.version,
        purpose=message.purpose,
        role=message.practitioner.role,
        asker=message.asker,
        holder=message.holder,
    )
    return grant_of_ground(ground, terms, body, now=now)


def grant_of_ground(ground: str, terms: GroundTerms, body: QueuedBody, *, now: datetime) -> Clause:
    """Return what a ground grants that permits it: the fields of the body, and the persons of the message.

    Not checked: that the ground permits it. Raises :class:`trust.agreements.lawful_basis.UnknownBasis`.
    """
    return Clause(
        id=ClauseId(""),
        kind=terms.kind,
        version=terms.version,
        purpose=terms.purpose,
        askers=frozenset({terms.asker}),
        holders=frozenset({terms.holder}),
        fields_by_role=MappingProxyType({terms.role: body.fields | PERSON_FIELDS}),
        basis=(ground,),
        law=law_sentence((ground,), now.astimezone(UTC).date()),
        existence=Existence.CONDITIONAL,
        keep_days=KEEP_DAYS,
        onward=Onward.NONE,
    )
