"""An invented agreement that schools may join, and the documents that a school and the parties sign."""

from datetime import datetime
from typing import Any

from tests.trust.agreements.examples import document, parsed
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST, keys, signer
from trust.agreements.accession import (
    Accession,
    PartyRuling,
    Ruling,
    build_accession,
    build_admission,
    build_ruling,
    verify_accession,
    verify_admission,
    verify_ruling,
)
from trust.agreements.agreement import Agreement, Party
from trust.agreements.joined import HeldAccession, JoinerRecords
from trust.agreements.legal_entry import UkNation
from trust.agreements.signature import Signatory
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeyUse

SCHOOL, COLLEGE = EntityId("https://school.example"), EntityId("https://college.example")
MARK = "https://anchor.example/marks/data-protection-assured"
OFFICE = ServiceSlug("office")
WHO = Signatory(name="R. Example", post="Headteacher")
SCHOOLS: dict[str, Any] = {
    "id": "schools",
    "title": "Schools of the county",
    "marks": [MARK],
    "kinds": ["school"],
    "admitted_by": [COUNCIL],
    "objection_days": 14,
}


def open_document(**changes: Any) -> dict[str, Any]:
    """Give a document that schools may join: they ask and hold under the first clause, and under a MARAC's own."""
    whole = document(joining=[SCHOOLS])
    both = {"joining_askers": ["schools"], "joining_holders": ["schools"]}
    first = whole["clauses"][0] | both
    whole["purposes"].append({"code": "marac", "description": "To keep people at high risk safe."})
    marac = first | {"id": "conference", "purpose": "marac", "holders": [f"{TRUST}#community-team"]}
    whole["clauses"] = [first, whole["clauses"][1], marac]
    return whole | changes


AGREEMENT = parsed(open_document())


def party(entity: EntityId = SCHOOL, *services: str) -> Party:
    """Give what a school says of itself."""
    return Party(
        entity=entity,
        name="Vale School",
        services=tuple(ServiceSlug(each) for each in services) or (OFFICE,),
        nations=frozenset({UkNation.ENGLAND}),
        complaints="Write to the head.",
    )


def joins(
    entity: EntityId = SCHOOL, *services: str, agreement: Agreement = AGREEMENT, at: datetime = NOW, to: str = "schools"
) -> Accession:
    """Have a school sign, and verify what it signed."""
    raw = build_accession(
        agreement.ref,
        to,
        party=party(entity, *services),
        signatory=WHO,
        signer=signer(entity, KeyUse.FEDERATION),
        now=at,
    )
    own_keys = keys(entity, KeyUse.FEDERATION)
    return verify_accession(raw, party=entity, keys=own_keys, agreement=agreement.ref, now=at)


def admitted(accession: Accession, *, at: datetime = NOW, learnt_at: datetime = NOW) -> HeldAccession:
    """Have the council admit a school."""
    raw = build_admission(accession, party=COUNCIL, signatory=WHO, signer=signer(COUNCIL, KeyUse.FEDERATION), now=at)
    admission = verify_admission(raw, party=COUNCIL, keys=keys(COUNCIL, KeyUse.FEDERATION), accession=accession, now=at)
    return HeldAccession(accession=accession, admission=admission, learnt_at=learnt_at)


def ruled(accession: Accession, ruling: Ruling, by: EntityId = TRUST) -> PartyRuling:
    """Have a party confirm or object."""
    own_signer = signer(by, KeyUse.FEDERATION)
    raw = build_ruling(accession, ruling, party=by, signatory=WHO, signer=own_signer, now=NOW)
    own_keys = keys(by, KeyUse.FEDERATION)
    return verify_ruling(raw, party=by, keys=own_keys, agreement=accession.agreement, now=NOW)


def joiners(*held: HeldAccession, rulings: tuple[PartyRuling, ...] = ()) -> JoinerRecords:
    """Give what a node holds."""
    return JoinerRecords(accessions=held, rulings={(each.issuer, each.joiner): each for each in rulings})
