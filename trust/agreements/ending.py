"""A party's notice that a version of an agreement is closed: signed with its federation key, as its signature is.

Any party may close a version, because none binds without the signature of every party. The notice has no ``exp``: what
is closed stays closed. A node that answers another makes a fresh one, so that it proves under the keys of the day.
"""

from dataclasses import dataclass
from datetime import datetime

from trust import jose
from trust.agreements.agreement import Closure
from trust.claims import LATEST_SECONDS, check_issued, to_seconds
from trust.errors import KeyPurposeMismatch, WrongIssuer
from trust.exchange.envelope import AgreementRef, agreement_to_json, read_agreement
from trust.exchange.errors import MalformedAgreement, SignatureMismatch
from trust.exchange.reader import Reader
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer

TYP = "agreement-ending+jwt"
MAX_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementEnding:
    """One party's verified notice. ``told_at`` is in whole seconds since 1970."""

    party: EntityId
    agreement: AgreementRef
    closure: Closure
    told_at: int


def build_ending(agreement: AgreementRef, closure: Closure, *, party: EntityId, signer: Signer, now: datetime) -> bytes:
    """Sign a notice for ``party`` with its federation key. Raises :class:`KeyPurposeMismatch` for any other key."""
    if signer.use is not KeyUse.FEDERATION:
        raise KeyPurposeMismatch("An agreement is ended with the party's federation key and no other.")
    claims = {
        "iss": party,
        "iat": to_seconds(now),
        "agreement": agreement_to_json(agreement),
        "closure": closure,
    }
    return jose.sign(claims, typ=TYP, signer=signer)


def verify_ending(
    raw: bytes, *, party: EntityId, keys: KeySet, agreement: AgreementRef, now: datetime
) -> AgreementEnding:
    """Verify that ``party``, whose trusted federation keys are ``keys``, closed exactly this version.

    1. the keys are federation keys; 2. the signature; 3. the form of every member; 4. the issuer is the party;
    5. the agreement is this one, to the byte; 6. it is not dated in the future.

    Not checked here: that the party is one of the agreement's parties. Raises ``TrustError`` only.
    """
    opened = jose.open_signed(raw, typ=TYP, keys=keys.require_use(KeyUse.FEDERATION), max_bytes=MAX_BYTES)  # 1, 2
    ending = _parse(Reader(opened.claims, visible=True))  # 3
    if ending.party != party:  # 4
        raise WrongIssuer("The notice is issued in another party's name than the one whose key made it.")
    if ending.agreement != agreement:  # 5
        raise SignatureMismatch("The notice is about another agreement, or about another version or wording of it.")
    check_issued(opened.claims, now=now)  # 6
    return ending


def _parse(reader: Reader) -> AgreementEnding:
    party = reader.parsed("iss", parse_entity_id)
    agreement = read_agreement(reader)
    told_at = reader.whole("iat", least=0, most=LATEST_SECONDS)
    closure = reader.choice("closure", Closure)
    if reader.faults or closure is None:
        raise MalformedAgreement(reader.faults)
    return AgreementEnding(party=party, agreement=agreement, closure=closure, told_at=told_at)
