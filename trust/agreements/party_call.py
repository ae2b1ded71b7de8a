"""A party's call on another party's node about one agreement: what it brings, and the proof that it is who it says.

Signatures name the people who signed, so a node gives them to parties only. A party's signature alone proves no
caller: others may have a copy of it. The call is signed for one recipient, for a minute, and is good once.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from trust import jose
from trust.agreements.signature import peek_party
from trust.claims import check_times, to_seconds
from trust.errors import KeyPurposeMismatch, WrongAudience, WrongIssuer
from trust.exchange.envelope import (
    AgreementRef,
    Parties,
    agreement_to_json,
    parties_to_json,
    read_agreement,
    read_parties,
)
from trust.exchange.errors import MalformedAgreement, SignatureMismatch
from trust.exchange.reader import Reader
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer

TYP = "agreement-call+jwt"
MAX_BYTES = 32_768
LIFE = timedelta(seconds=60)
_MAX_BROUGHT = 8192
_SIGNED = ("signature", "ending", "suspension", "accession", "admission", "ruling")
_AFTER = re.compile(r"-|[A-Za-z0-9_-]{43}")
FIRST = "-"
"""What comes before every digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """Documents on one joiner, as signed: its accession, the admission of it, and the caller's ruling on it."""

    accession: bytes | None = None
    admission: bytes | None = None
    ruling: bytes | None = None


NO_PAPERS = Papers()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyCall:
    """One call. ``signature``, ``ending`` and ``suspension`` are the caller's own, as signed, and not verified here.

    ``papers`` are about a joiner, who may be the caller. ``after`` asks for the accessions whose digests come after it,
    in the order of digests; ``None`` asks for none but the caller's.
    """

    parties: Parties
    agreement: AgreementRef
    signature: bytes | None = None
    ending: bytes | None = None
    suspension: bytes | None = None
    papers: Papers = NO_PAPERS
    after: str | None = None


def build_call(call: PartyCall, *, signer: Signer) -> bytes:
    """Sign a call with the caller's federation key. Raises :class:`KeyPurposeMismatch` for any other key."""
    if signer.use is not KeyUse.FEDERATION:
        raise KeyPurposeMismatch("A party calls about an agreement with its federation key and no other.")
    claims = {**parties_to_json(call.parties), "agreement": agreement_to_json(call.agreement)}
    papers = call.papers
    signed = (call.signature, call.ending, call.suspension, papers.accession, papers.admission, papers.ruling)
    for name, raw in zip(_SIGNED, signed, strict=True):
        if raw is not None:
            claims[name] = raw.decode("ascii")
    if call.after is not None:
        claims["after"] = call.after
    return jose.sign(claims, typ=TYP, signer=signer)


def call_parties(own: EntityId, other: EntityId, *, jti: str, now: datetime) -> Parties:
    """Return the addressing and the times of a call made now."""
    return Parties(iss=own, aud=other, iat=to_seconds(now), exp=to_seconds(now + LIFE), jti=jti)


def peek_caller(raw: bytes) -> EntityId:
    """Return who a call *says* it is from, to find the keys that may prove it. Nothing is verified."""
    return peek_party(raw, typ=TYP, max_bytes=MAX_BYTES)


def open_call(
    raw: bytes, *, caller: EntityId, keys: KeySet, own: EntityId, agreement: AgreementRef, now: datetime
) -> PartyCall:
    """Verify that ``caller``, whose trusted federation keys are ``keys``, calls this node about this agreement.

    1. the keys are federation keys; 2. the signature; 3. the form of every member; 4. the issuer is the caller;
    5. the audience is this node alone; 6. the agreement is this one, to the byte; 7. the times, a minute of life.

    Not checked here: that the caller is a party, and that the ``jti`` was not used before. Raises ``TrustError`` only.
    """
    opened = jose.open_signed(raw, typ=TYP, keys=keys.require_use(KeyUse.FEDERATION), max_bytes=MAX_BYTES)  # 1, 2
    call = _parse(Reader(opened.claims))  # 3
    if call.parties.iss != caller:  # 4
        raise WrongIssuer("The call is issued in another party's name than the one whose key made it.")
    if call.parties.aud != own:  # 5
        raise WrongAudience("The call is for another node than this one.")
    if call.agreement != agreement:  # 6
        raise SignatureMismatch("The call is about another agreement, or about another version or wording of it.")
    check_times(opened.claims, now=now, max_life=LIFE)  # 7
    return call


def _parse(reader: Reader) -> PartyCall:
    call = PartyCall(
        parties=read_parties(reader),
        agreement=read_agreement(reader),
        signature=read_signed(reader, "signature"),
        ending=read_signed(reader, "ending"),
        suspension=read_signed(reader, "suspension"),
        papers=Papers(
            accession=read_signed(reader, "accession"),
            admission=read_signed(reader, "admission"),
            ruling=read_signed(reader, "ruling"),
        ),
        after=_read_after(reader),
    )
    if reader.faults:
        raise MalformedAgreement(reader.faults)
    return call


def _read_after(reader: Reader) -> str | None:
    return reader.text("after", pattern=_AFTER) if reader.has("after") else None


def read_signed(reader: Reader, name: str) -> bytes | None:
    """Read a signed document that may be absent. Faults go into the reader; nothing is verified."""
    text = reader.optional_text(name, max_len=_MAX_BROUGHT)
    if text is not None and not text.isascii():
        reader.fault(name, "must be a signed document")
        return None
    return None if text is None else text.encode("ascii")
