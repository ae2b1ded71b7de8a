"""Accession to an agreement: the joiner's own document, its admission by a party, and each party's ruling on it.

Each is signed with the signing agency's federation key, as a signature on the agreement is. An accession names the
agreement to the byte, and an admission or a ruling names the accession to the byte. An accession counts only with an
admission beside it (assertion A72).

A document is verified in this order:

1. the keys are federation keys; 2. the signature; 3. the form of every member; 4. the issuer is the agency whose keys
these are; 5. the agreement is this one, to the byte; 6. it is not dated in the future.

:func:`check_accession` then holds it against the agreement's own class.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from trust import jose
from trust.agreements.agreement import Agreement, Party
from trust.agreements.joining import JoiningClass
from trust.agreements.party import read_nations
from trust.agreements.signature import Signatory
from trust.claims import LATEST_SECONDS, check_issued, digest, to_seconds
from trust.errors import KeyPurposeMismatch, WrongIssuer
from trust.exchange.envelope import DIGEST, AgreementRef, agreement_to_json, read_agreement
from trust.exchange.errors import Fault, MalformedAgreement, SignatureMismatch
from trust.exchange.reader import Reader
from trust.federation.trust_mark import name_mark
from trust.identifiers import EntityId, ServiceSlug, parse_code, parse_entity_id, parse_slug
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

ACCESSION_TYP = "agreement-accession+jwt"
ADMISSION_TYP = "agreement-admission+jwt"
RULING_TYP = "agreement-ruling+jwt"
MAX_BYTES = 8192
MOST_SERVICES = 16


class Ruling(StrEnum):
    """What a party says of a joiner."""

    CONFIRMED = "confirmed"
    OBJECTED = "objected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accession:
    """A joiner's verified accession; ``party`` is what it adds to the parties. ``signed_at`` is in seconds since 1970.

    ``digest`` is that of the signed bytes.
    """

    party: Party
    agreement: AgreementRef
    class_id: str
    signatory: Signatory
    signed_at: int
    digest: str

    @property
    def issuer(self) -> EntityId:
        """The joiner."""
        return self.party.entity


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinerAdmission:
    """A party's verified admission of one accession, by its digest."""

    issuer: EntityId
    agreement: AgreementRef
    accession: str
    signatory: Signatory
    signed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRuling:
    """A party's verified confirmation of an accession, or its objection to the joiner."""

    issuer: EntityId
    agreement: AgreementRef
    accession: str
    joiner: EntityId
    ruling: Ruling
    signatory: Signatory
    signed_at: int


class _Issued(Protocol):
    @property
    def issuer(self) -> EntityId: ...

    @property
    def agreement(self) -> AgreementRef: ...


def build_accession(
    agreement: AgreementRef, class_id: str, *, party: Party, signatory: Signatory, signer: Signer, now: datetime
) -> bytes:
    """Sign the accession of ``party``. Raises :class:`KeyPurposeMismatch`, and :class:`MalformedAgreement`."""
    claims = {
        **_claims(agreement, party.entity, signatory, now),
        "class": class_id,
        "name": party.name,
        "services": list(party.services),
        "nations": sorted(party.nations),
        "complaints": party.complaints,
    }
    _read_accession(Reader(claims, visible=True), "")
    return _sign(claims, ACCESSION_TYP, signer)


def build_admission(
    accession: Accession, *, party: EntityId, signatory: Signatory, signer: Signer, now: datetime
) -> bytes:
    """Sign the admission of an accession for ``party``. Raises as :func:`build_accession` does."""
    claims = {**_claims(accession.agreement, party, signatory, now), "accession": accession.digest}
    _read_admission(Reader(claims, visible=True))
    return _sign(claims, ADMISSION_TYP, signer)


def build_ruling(
    accession: Accession, ruling: Ruling, *, party: EntityId, signatory: Signatory, signer: Signer, now: datetime
) -> bytes:
    """Sign a confirmation or an objection for ``party``. Raises as :func:`build_accession` does."""
    claims = {
        **_claims(accession.agreement, party, signatory, now),
        "accession": accession.digest,
        "joiner": accession.issuer,
        "ruling": ruling,
    }
    _read_ruling(Reader(claims, visible=True))
    return _sign(claims, RULING_TYP, signer)


def verify_accession(raw: bytes, *, party: EntityId, keys: KeySet, agreement: AgreementRef, now: datetime) -> Accession:
    """Verify that ``party``, whose trusted federation keys are ``keys``, joins exactly this agreement.

    Not checked here: the class (:func:`check_accession`), and its admission. Raises ``TrustError`` only.
    """
    claims = _open(raw, ACCESSION_TYP, keys)
    accession = _read_accession(Reader(claims, visible=True), digest(raw))  # 3
    _check(accession, party, agreement, claims, now)
    return accession


def verify_admission(
    raw: bytes, *, party: EntityId, keys: KeySet, accession: Accession, now: datetime
) -> JoinerAdmission:
    """Verify that ``party`` admitted exactly this accession. Raises ``TrustError`` only.

    Not checked here: that it may admit (:func:`may_admit`).
    """
    claims = _open(raw, ADMISSION_TYP, keys)
    admission = _read_admission(Reader(claims, visible=True))  # 3
    _check(admission, party, accession.agreement, claims, now)
    if admission.accession != accession.digest:
        raise SignatureMismatch("The admission is for another accession than this one.")
    return admission


def verify_ruling(raw: bytes, *, party: EntityId, keys: KeySet, agreement: AgreementRef, now: datetime) -> PartyRuling:
    """Verify that ``party`` ruled on an accession to this agreement. Raises ``TrustError`` only."""
    claims = _open(raw, RULING_TYP, keys)
    ruling = _read_ruling(Reader(claims, visible=True))  # 3
    _check(ruling, party, agreement, claims, now)
    return ruling


def may_admit(agreement: Agreement, class_id: str, entity: EntityId) -> bool:
    """Say whether an agency is a party that admits agencies of this class."""
    joining = agreement.joining_class(class_id)
    return joining is not None and entity in joining.admitted_by


def check_accession(
    agreement: Agreement, accession: Accession, *, marks: Collection[str], kinds: Mapping[ServiceSlug, str]
) -> tuple[str, ...]:
    """Return why the joiner cannot be admitted, each reason as a sentence; nothing where it can.

    ``marks`` are the types of its trust marks that are valid now, ``kinds`` the kinds of its services as its superiors
    vouch for them.

    1. the agreement has the class; 2. the joiner is no party of the document; 3. it holds each mark of the class;
    4. each of its services is vouched for, and of a kind of the class.
    """
    joining = agreement.joining_class(accession.class_id)
    if joining is None:  # 1
        class_ids = ", ".join(each.id for each in agreement.joining) or "none"
        return (f"The agreement has no class {accession.class_id} that may join; it has: {class_ids}.",)
    reasons = []
    if any(
        party.entity == accession.issuer for party in agreement.parties if party.entity not in agreement.joiners
    ):  # 2
        reasons.append("It is a party of the document already.")
    reasons += [f"It lacks {name_mark(mark)}." for mark in joining.marks if mark not in marks]  # 3
    reasons += [reason for slug in accession.party.services if (reason := _unfit(slug, joining, kinds))]  # 4
    return tuple(reasons)


def _unfit(slug: ServiceSlug, joining: JoiningClass, kinds: Mapping[ServiceSlug, str]) -> str:
    kind = kinds.get(slug)
    if kind is None:
        return f"No authority vouches for its service {slug}."
    if kind not in joining.kinds:
        return f"Its service {slug} is of the kind {kind}; class {joining.id} takes: {', '.join(joining.kinds)}."
    return ""


def _claims(agreement: AgreementRef, issuer: EntityId, signatory: Signatory, now: datetime) -> JsonObject:
    return {
        "iss": issuer,
        "iat": to_seconds(now),
        "agreement": agreement_to_json(agreement),
        "signatory": {"name": signatory.name, "post": signatory.post},
    }


def _sign(claims: JsonObject, typ: str, signer: Signer) -> bytes:
    if signer.use is not KeyUse.FEDERATION:
        raise KeyPurposeMismatch("An agency joins and admits with its federation key and no other.")
    raw = jose.sign(claims, typ=typ, signer=signer)
    if len(raw) > MAX_BYTES:
        raise MalformedAgreement([Fault(path="services", problem="make the document too long; join with fewer")])
    return raw


def _open(raw: bytes, typ: str, keys: KeySet) -> JsonObject:
    return jose.open_signed(raw, typ=typ, keys=keys.require_use(KeyUse.FEDERATION), max_bytes=MAX_BYTES).claims  # 1, 2


def _check(document: _Issued, party: EntityId, agreement: AgreementRef, claims: JsonObject, now: datetime) -> None:
    if document.issuer != party:  # 4
        raise WrongIssuer("The document is issued in another agency's name than the one whose key made it.")
    if document.agreement != agreement:  # 5
        raise SignatureMismatch("The document is for another agreement, or for another version or wording of this one.")
    check_issued(claims, now=now)  # 6


def _read_accession(reader: Reader, own_digest: str) -> Accession:
    services = reader.parsed_list("services", parse_slug)
    if len(services) > MOST_SERVICES:
        reader.fault("services", f"must not name more than {MOST_SERVICES} services")
    accession = Accession(
        party=Party(
            entity=reader.parsed("iss", parse_entity_id),
            name=reader.text("name"),
            services=services,
            nations=read_nations(reader),
            complaints=reader.text("complaints"),
        ),
        agreement=read_agreement(reader),
        class_id=reader.parsed("class", parse_code),
        signatory=_read_signatory(reader),
        signed_at=_read_issued(reader),
        digest=own_digest,
    )
    _refuse_faults(reader)
    return accession


def _read_admission(reader: Reader) -> JoinerAdmission:
    admission = JoinerAdmission(
        issuer=reader.parsed("iss", parse_entity_id),
        agreement=read_agreement(reader),
        accession=reader.text("accession", pattern=DIGEST),
        signatory=_read_signatory(reader),
        signed_at=_read_issued(reader),
    )
    _refuse_faults(reader)
    return admission


def _read_ruling(reader: Reader) -> PartyRuling:
    ruling = PartyRuling(
        issuer=reader.parsed("iss", parse_entity_id),
        agreement=read_agreement(reader),
        accession=reader.text("accession", pattern=DIGEST),
        joiner=reader.parsed("joiner", parse_entity_id),
        ruling=reader.choice("ruling", Ruling) or Ruling.OBJECTED,
        signatory=_read_signatory(reader),
        signed_at=_read_issued(reader),
    )
    _refuse_faults(reader)
    return ruling


def _read_issued(reader: Reader) -> int:
    return reader.whole("iat", least=0, most=LATEST_SECONDS)


def _read_signatory(reader: Reader) -> Signatory:
    nested = reader.child("signatory")
    return Signatory(name=nested.text("name"), post=nested.text("post")) if nested else Signatory(name="", post="")


def _refuse_faults(reader: Reader) -> None:
    if reader.faults:
        raise MalformedAgreement(reader.faults)
