"""An invented person, two invented agencies and the message that one sends the other."""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from trust.exchange.message import AgreementRef, Message, PseudonymousPractitioner
from trust.exchange.person import Address, Gender, Name, Subject
from trust.identifiers import AgreementId, ClauseId, EntityId, KindName, PurposeCode, RoleCode, ServiceSlug
from trust.keys import KeySet, KeyUse, LocalSigner

NOW = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)
COUNCIL = EntityId("https://council.example")
TRUST = EntityId("https://mental-health.example")
POLICE = EntityId("https://police.example")

NHS_NUMBER = "9434765919"
UPN = "P207000016049"
NINO = "AB518427C"
PNC_ID = "2001/0171310W"

SUBJECT = Subject(
    nhs_number=NHS_NUMBER,
    nhs_number_verified=True,
    family_name="Thistlethwaite",
    given_names="Corvin Asher",
    birth_date=date(2004, 11, 23),
    gender=Gender.MALE,
    address=Address(uprn="100012345678", postcode="ZE7 1QB"),
    aliases=(Name(family_name="Quillfeather"),),
)

MESSAGE = Message(
    iss=COUNCIL,
    aud=TRUST,
    iat=int(NOW.timestamp()),
    exp=int(NOW.timestamp()) + 300,
    jti="m-0001.~x",
    kind=KindName("involvement.query"),
    version=1,
    agreement=AgreementRef(id=AgreementId("vale-early-help"), version=3, digest="A" * 43),
    clause=ClauseId("who-else"),
    purpose=PurposeCode("early-help"),
    basis=("6-1-e", "ca2004-s10"),
    from_service=ServiceSlug("connecting-families"),
    to_service=ServiceSlug("community-team"),
    practitioner=PseudonymousPractitioner(
        sub="7f9c2ba4e88f827d", role=RoleCode("key-worker"), org_unit="East locality", call_back="01632 960111"
    ),
    subject=SUBJECT,
    body={},
)


def signer(name: str, use: KeyUse = KeyUse.MESSAGE) -> LocalSigner:
    """Give the key that this name always has for this use in one test run."""
    return _signer(name, use)


@cache
def _signer(name: str, use: KeyUse) -> LocalSigner:
    return LocalSigner.generate(use)


def keys(name: str, use: KeyUse = KeyUse.MESSAGE) -> KeySet:
    """Give the public half of that key as a set."""
    return KeySet.of(use, [signer(name, use).public])


def message(**changes: Any) -> Message:
    """Give the example message with some members changed."""
    return replace(MESSAGE, **changes)
