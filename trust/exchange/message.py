"""The message: what one service asks of another, signed by the asking agency (WIRE section 3).

Verify, then parse: the bytes received are what is digested and checked, and nothing is serialised again to check it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trust import jose
from trust.claims import LATEST_SECONDS, check_times, digest, from_seconds
from trust.errors import TooLarge, WrongAudience
from trust.exchange.break_glass import BreakGlassCode
from trust.exchange.consent import ConsentRecord, consent_to_json, read_consent
from trust.exchange.envelope import (
    JTI,
    MAX_BYTES,
    WITHOUT_AGREEMENT,
    AgreementRef,
    RequestRef,
    agreement_to_json,
    parties_to_json,
    read_agreement,
    read_parties,
    read_services,
)
from trust.exchange.errors import MalformedMessage, MalformedSubject
from trust.exchange.kind import Kinds, is_queued, max_life, needs_no_agreement
from trust.exchange.kinds import KINDS
from trust.exchange.person import MAX_NAME, Subject, parse_subject, subject_to_json
from trust.exchange.persons import ConcernedPerson, persons_to_json, read_persons
from trust.exchange.reader import Reader
from trust.identifiers import (
    TELEPHONE,
    ClauseId,
    EntityId,
    KindName,
    PurposeCode,
    RoleCode,
    ServiceRef,
    ServiceSlug,
    parse_code,
    parse_entity_id,
    service_ref,
)
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

__all__ = [
    "TYP",
    "WITHOUT_AGREEMENT",
    "AgreementRef",
    "Handling",
    "Message",
    "OpenedMessage",
    "PseudonymousPractitioner",
    "RequestRef",
    "Urgency",
    "build_message",
    "open_message",
    "peek_issuer",
    "peek_message",
]

TYP = "exchange-message+jwt"
HIGHEST_VERSION = 1000


class Urgency(StrEnum):
    """How soon a person must act on a message."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class PseudonymousPractitioner:
    """Who asks, as far as the answering agency may know: ``sub`` is a pseudonym for this pair of agencies only.

    ``call_back`` is a telephone number (:data:`trust.identifiers.TELEPHONE`): in a query a team's, never a person's; in
    a message of a queued kind the worker's own at work. Only such a message states the worker's ``name``.
    ``break_glass`` says that a query is one of an emergency (:mod:`trust.exchange.break_glass`).
    """

    sub: str
    role: RoleCode
    org_unit: str
    call_back: str | None = None
    name: str | None = field(default=None, repr=False)
    break_glass: BreakGlassCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """How the receiver must treat a message: passing on, telling the subject, and the address."""

    onward: str | None = None
    withhold_from_subject: bool = False
    restricted_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as its sender means it. ``iat``, ``exp`` and ``deadline`` are whole seconds since 1970.

    ``from_service`` is a service of ``iss`` and ``to_service`` one of ``aud``; :attr:`asker` and :attr:`holder` say so.
    ``body`` is the JSON of its kind and version, read by :func:`trust.exchange.kind.parse_query`. A query has a
    ``subject``; a message of a queued kind has ``persons`` and an ``urgency``, and consent stands with each person.

    A message of a kind that needs no agreement has a ``ground``, which is its basis, and neither agreement nor clause:
    :data:`WITHOUT_AGREEMENT` and an empty clause stand for them here.
    """

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str
    kind: KindName
    version: int
    agreement: AgreementRef
    clause: ClauseId
    purpose: PurposeCode
    basis: tuple[str, ...]
    from_service: ServiceSlug
    to_service: ServiceSlug
    practitioner: PseudonymousPractitioner
    body: JsonObject = field(repr=False)
    subject: Subject = field(default_factory=Subject)
    persons: tuple[ConcernedPerson, ...] = ()
    correlation: str | None = None
    supersedes: str | None = None
    urgency: Urgency | None = None
    deadline: int | None = None
    handling: Handling | None = None
    consent: ConsentRecord | None = None
    ground: str | None = None

    @property
    def under(self) -> AgreementRef | None:
        """The agreement that it names, if it names one."""
        return self.agreement if self.ground is None else None

    @property
    def asker(self) -> ServiceRef:
        """The service that asks."""
        return service_ref(self.iss, self.from_service)

    @property
    def holder(self) -> ServiceRef:
        """The service that is asked."""
        return service_ref(self.aud, self.to_service)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedMessage:
    """A message whose signature was good, with the bytes that carried it and their digest."""

    message: Message
    digest: str
    raw: bytes

    @property
    def ref(self) -> RequestRef:
        """What a reply to this message must name."""
        return RequestRef(jti=self.message.jti, digest=self.digest)


def build_message(message: Message, signer: Signer) -> bytes:
    """Sign ``message`` with the sender's message key and return the compact JWS.

    Raises :class:`TooLarge` where no recipient would read it: shorten or leave out statements.
    """
    raw = jose.sign(_message_to_claims(message), typ=TYP, signer=signer)
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"The signed message is larger than {MAX_BYTES} bytes. Shorten its statements, or send several.")
    return raw


def peek_issuer(raw: bytes) -> EntityId:
    """Return who a message *says* it is from, to find the key that may prove it. Nothing is verified."""
    unverified = jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES)
    reader = Reader(unverified.claims)
    issuer = reader.parsed("iss", parse_entity_id)
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return issuer


def peek_message(raw: bytes, *, kinds: Kinds = KINDS) -> Message:
    """Return what a message says, for the node whose own seal proves that it wrote it. Nothing is verified."""
    return _parse_message(jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims, kinds)


def open_message(
    raw: bytes, *, sender_keys: KeySet, own_id: EntityId, now: datetime, kinds: Kinds = KINDS
) -> OpenedMessage:
    """Verify a received message and read its envelope; ``kinds`` tells which kinds are queued.

    1. the signature, with ``sender_keys``: the message keys of the trusted party that :func:`peek_issuer` named;
    2. the form of every member, all faults at once;
    3. the audience: this node, alone;
    4. the times: issued, not expired, and no longer than the kind allows (5 minutes for a query).

    Not checked here: that the authenticated caller is the issuer, that kind and version are spoken, whether the message
    was seen before, and everything that the agreement decides. Raises ``TrustError`` only.
    """
    opened = jose.open_signed(raw, typ=TYP, keys=sender_keys.require_use(KeyUse.MESSAGE), max_bytes=MAX_BYTES)  # 1
    message = _parse_message(opened.claims, kinds)  # 2
    if message.aud != own_id:  # 3
        raise WrongAudience("The message is addressed to another node. Send it to the node named in its aud.")
    check_times(opened.claims, now=now, max_life=max_life(kinds, message.kind))  # 4
    return OpenedMessage(message=message, digest=digest(raw), raw=raw)


def _message_to_claims(message: Message) -> JsonObject:
    practitioner = message.practitioner
    claims: JsonObject = {
        **parties_to_json(message),
        "kind": message.kind,
        "v": message.version,
        **_footing(message),
        "purpose": message.purpose,
        "from_service": message.from_service,
        "to_service": message.to_service,
        "practitioner": {
            "sub": practitioner.sub,
            "role": practitioner.role,
            "org_unit": practitioner.org_unit,
            **_present(
                {
                    "call_back": practitioner.call_back,
                    "name": practitioner.name,
                    "break_glass": practitioner.break_glass,
                }
            ),
        },
        **_about(message),
        "body": message.body,
        "correlation": message.correlation,
        "supersedes": message.supersedes,
        "urgency": message.urgency and str(message.urgency),
        "deadline": message.deadline,
        "handling": _handling_to_json(message.handling),
        "consent": None if message.consent is None else consent_to_json(message.consent),
    }
    return _present(claims)


def _footing(message: Message) -> JsonObject:
    """Return the agreement and clause with their basis, or the ground that is there without them."""
    if message.ground is not None:
        return {"ground": message.ground}
    return {
        "agreement": agreement_to_json(message.agreement),
        "clause": message.clause,
        "basis": list(message.basis),
    }


def _about(message: Message) -> JsonObject:
    if message.persons:
        return {"persons": persons_to_json(message.persons)}
    return {"subject": subject_to_json(message.subject)}


def _handling_to_json(handling: Handling | None) -> JsonObject | None:
    if handling is None:
        return None
    return {
        "withhold_from_subject": handling.withhold_from_subject,
        "restricted_address": handling.restricted_address,
        **_present({"onward": handling.onward}),
    }


def _present(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}


def _parse_message(claims: JsonObject, kinds: Kinds) -> Message:
    reader = Reader(claims)
    parties, services = read_parties(reader), read_services(reader)
    body, kind = reader.raw_child("body"), reader.parsed("kind", parse_code)
    year, queued = from_seconds(parties.iat).year, is_queued(kinds, kind)
    if queued:
        _check_queued(reader)
    footing = _read_footing(reader, needs_none=needs_no_agreement(kinds, kind))
    message = Message(
        iss=parties.iss,
        aud=parties.aud,
        iat=parties.iat,
        exp=parties.exp,
        jti=parties.jti,
        kind=KindName(kind),
        version=reader.whole("v", least=1, most=HIGHEST_VERSION),
        agreement=footing.agreement,
        clause=footing.clause,
        purpose=PurposeCode(reader.parsed("purpose", parse_code)),
        basis=footing.basis,
        from_service=services.from_service,
        to_service=services.to_service,
        practitioner=_read_practitioner(reader, with_name=queued),
        subject=Subject() if queued else _read_subject(reader, year=year),
        persons=read_persons(reader, this_year=year) if queued else (),
        body=body or {},
        correlation=reader.optional_text("correlation", pattern=JTI),
        supersedes=reader.optional_text("supersedes", pattern=JTI),
        urgency=reader.choice("urgency", Urgency) if reader.has("urgency") else None,
        deadline=reader.whole("deadline", least=0, most=LATEST_SECONDS) if reader.has("deadline") else None,
        handling=_read_handling(reader),
        consent=_read_consent(reader),
        ground=footing.ground,
    )
    if queued and message.deadline is not None and message.deadline <= message.iat:
        reader.fault("deadline", "lies before the message was made")
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class _Footing:
    agreement: AgreementRef
    clause: ClauseId
    basis: tuple[str, ...]
    ground: str | None = None


def _read_footing(reader: Reader, *, needs_none: bool) -> _Footing:
    """Read the agreement and clause with their basis; or, for a kind that needs none, the ground alone."""
    if not needs_none:
        if reader.has("ground"):
            reader.fault("ground", "has no place in this kind of exchange, which rests on an agreement")
        return _Footing(
            agreement=read_agreement(reader),
            clause=ClauseId(reader.parsed("clause", parse_code)),
            basis=reader.parsed_list("basis", parse_code),
        )
    for name in ("agreement", "clause", "basis"):
        if reader.has(name):
            reader.fault(name, "has no place in this kind of exchange, which rests on its ground alone")
    ground = reader.parsed("ground", parse_code)
    return _Footing(agreement=WITHOUT_AGREEMENT, clause=ClauseId(""), basis=(ground,), ground=ground)


def _check_queued(reader: Reader) -> None:
    if reader.has("subject"):
        reader.fault("subject", "has no place in this kind of exchange; describe each person in persons")
    if reader.has("consent"):
        reader.fault("consent", "stands with the person who gave it in this kind of exchange; move it into persons")
    if not reader.has("urgency"):
        reader.fault("urgency", "is missing")


def _read_subject(reader: Reader, *, year: int) -> Subject:
    subject = reader.raw_child("subject")
    if subject is None:
        return Subject()
    try:
        return parse_subject(subject, this_year=year)
    except MalformedSubject as malformed:
        reader.faults.extend(malformed.faults)
        return Subject()


def _read_practitioner(reader: Reader, *, with_name: bool) -> PseudonymousPractitioner:
    nested = reader.child("practitioner")
    if nested is None:
        return PseudonymousPractitioner(sub="", role=RoleCode(""), org_unit="")
    return PseudonymousPractitioner(
        sub=nested.text("sub", pattern=JTI),
        role=RoleCode(nested.parsed("role", parse_code)),
        org_unit=nested.text("org_unit"),
        call_back=nested.optional_text("call_back", pattern=TELEPHONE),
        name=nested.optional_text("name", max_len=MAX_NAME) if with_name else None,
        break_glass=None
        if with_name or not nested.has("break_glass")
        else nested.choice("break_glass", BreakGlassCode),
    )


def _read_consent(reader: Reader) -> ConsentRecord | None:
    nested = reader.child("consent", required=False)
    return None if nested is None else read_consent(nested)


def _read_handling(reader: Reader) -> Handling | None:
    nested = reader.child("handling", required=False)
    if nested is None:
        return None
    return Handling(
        onward=nested.optional_text("onward"),
        withhold_from_subject=nested.flag("withhold_from_subject"),
        restricted_address=nested.flag("restricted_address"),
    )
