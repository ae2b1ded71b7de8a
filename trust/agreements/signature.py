"""A party's signature on an agreement: detached, by digest, with that party's own federation key.

The federation key is used because it is the one that an agency's administrators hold and the anchor vouches for; the
keys that sign messages and tokens never bind anybody to an agreement.
"""

from dataclasses import dataclass
from datetime import datetime

from trust import jose
from trust.claims import LATEST_SECONDS, check_issued, to_seconds
from trust.errors import KeyPurposeMismatch, WrongIssuer
from trust.exchange.envelope import AgreementRef, agreement_to_json, read_agreement
from trust.exchange.errors import MalformedAgreement, SignatureMismatch
from trust.exchange.reader import Reader
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer

TYP = "agreement-signature+jwt"
MAX_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who signed for the party, and in which post."""

    name: str
    post: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSignature:
    """One party's verified signature. ``signed_at`` is in whole seconds since 1970."""

    party: EntityId
    agreement: AgreementRef
    signatory: Signatory
    signed_at: int


def build_signature(
    agreement: AgreementRef, *, party: EntityId, signatory: Signatory, signer: Signer, now: datetime
) -> bytes:
    """Sign an agreement for ``party`` with its federation key.

    Raises :class:`KeyPurposeMismatch` for any other key, and :class:`MalformedAgreement` for a signatory whose name or
    post no verifier would take.
    """
    if signer.use is not KeyUse.FEDERATION:
        raise KeyPurposeMismatch("An agreement is signed with the party's federation key and no other.")
    claims = {
        "iss": party,
        "iat": to_seconds(now),
        "agreement": agreement_to_json(agreement),
        "signatory": {"name": signatory.name, "post": signatory.post},
    }
    _parse_signature(Reader(claims, visible=True))
    return jose.sign(claims, typ=TYP, signer=signer)


def peek_party(raw: bytes, *, typ: str = TYP, max_bytes: int = MAX_BYTES) -> EntityId:
    """Return who a document *says* it is from, to find the keys that may prove it. Nothing is verified."""
    reader = Reader(jose.peek(raw, typ=typ, max_bytes=max_bytes).claims)
    party = reader.parsed("iss", parse_entity_id)
    if reader.faults:
        raise MalformedAgreement(reader.faults)
    return party


def verify_signature(
    raw: bytes, *, party: EntityId, keys: KeySet, agreement: AgreementRef, now: datetime
) -> AgreementSignature:
    """Verify that ``party``, whose trusted federation keys are ``keys``, signed exactly this agreement.

    1. the keys are federation keys; 2. the signature; 3. the form of every member; 4. the issuer is the party;
    5. the agreement is this one, to the byte; 6. it is not dated in the future.

    Not checked here: that the party is one of the agreement's parties (see ``in_force``). Raises ``TrustError`` only.
    """
    federation_keys = keys.require_use(KeyUse.FEDERATION)  # 1
    opened = jose.open_signed(raw, typ=TYP, keys=federation_keys, max_bytes=MAX_BYTES)  # 2
    signature = _parse_signature(Reader(opened.claims, visible=True))  # 3
    if signature.party != party:  # 4
        raise WrongIssuer("The signature is issued in another party's name than the one whose key made it.")
    if signature.agreement != agreement:  # 5
        raise SignatureMismatch(
            "The signature is for another agreement, or for another version or wording of this one."
        )
    check_issued(opened.claims, now=now)  # 6
    return signature


def _parse_signature(reader: Reader) -> AgreementSignature:
    party = reader.parsed("iss", parse_entity_id)
    agreement = read_agreement(reader)
    signed_at = reader.whole("iat", least=0, most=LATEST_SECONDS)
    nested = reader.child("signatory")
    signatory = Signatory(name=nested.text("name"), post=nested.text("post")) if nested else Signatory(name="", post="")
    if reader.faults:
        raise MalformedAgreement(reader.faults)
    return AgreementSignature(party=party, agreement=agreement, signatory=signatory, signed_at=signed_at)
