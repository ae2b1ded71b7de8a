"""An agreement that a college may join, over whole nodes, and what each agency does about it."""

from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any

from werkzeug.test import TestResponse

from gateway.agreements.fetch import fetch_agreement
from gateway.agreements.signature_exchange import address
from gateway.store.tables import agreements
from tests.simulator.agreements import http
from tests.simulator.network import Network, federation_keys
from tests.simulator.town import ANCHOR, COLLEGE, COUNCIL, PURPOSE, TRUST
from trust.agreements.accession import (
    Accession,
    Ruling,
    build_accession,
    build_admission,
    build_ruling,
    verify_accession,
)
from trust.agreements.agreement import Party, Signatory
from trust.agreements.joining import PairState
from trust.agreements.party_call import NO_PAPERS, Papers, PartyCall, build_call, call_parties
from trust.exchange.message import AgreementRef
from trust.federation.trust_mark import data_protection_mark
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeyUse, Signer

MARK = data_protection_mark(ANCHOR)
WHO = Signatory(name="R. Example", post="Principal")
DAYS = 10
CLASS = "colleges"
SOCIAL_CARE = f"{COUNCIL}#childrens-social-care"


def open_document(network: Network, **changes: Any) -> dict[str, Any]:
    """Give the agreement of the council and the trust, which colleges may join to ask the council."""
    document = network.document()
    document["parties"] = [each for each in document["parties"] if each["entity"] in {COUNCIL, TRUST}]
    document["purposes"].append({"code": "marac", "description": "To keep people at high risk safe."})
    document["joining"] = [
        {
            "id": CLASS,
            "title": "Colleges of the county",
            "marks": [MARK],
            "kinds": [college_kind(network)],
            "admitted_by": [TRUST],
            "objection_days": DAYS,
        }
    ]
    clause = next(each for each in document["clauses"] if each["id"] == "who-else")
    clause |= {
        "holders": [each for each in clause["holders"] if each.startswith(COUNCIL)],
        "joining_askers": [CLASS],
        "joining_holders": [CLASS],
    }
    document["clauses"] = [clause, {**clause, "id": "conference", "purpose": "marac"}]
    return document | changes


def college_kind(network: Network) -> str:
    [service] = network.nodes[COLLEGE].settings.services
    return service.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """The network, the agreement that all parties signed, and what a college may do about it."""

    network: Network
    ref: AgreementRef

    def signer(self, entity: EntityId) -> Signer:
        return self.network.nodes[entity].vault.signer(KeyUse.FEDERATION)

    def accession(self, entity: EntityId = COLLEGE, ref: AgreementRef | None = None, **changes: Any) -> bytes:
        node = self.network.nodes[entity]
        services = tuple(ServiceSlug(each.slug) for each in node.settings.services)
        party = Party(entity=entity, name="Vale College", services=services, complaints="Write to the principal.")
        return build_accession(
            ref or self.ref,
            changes.pop("to", CLASS),
            party=replace(party, **changes),
            signatory=WHO,
            signer=self.signer(entity),
            now=self.network.clock.now(),
        )

    def read(self, raw: bytes, entity: EntityId = COLLEGE) -> Accession:
        keys = federation_keys(self.network.nodes[entity].vault)
        now = self.network.clock.now()
        return verify_accession(raw, party=entity, keys=keys, agreement=self.ref, now=now)

    def admission(self, raw: bytes, by: EntityId = TRUST) -> bytes:
        now = self.network.clock.now()
        return build_admission(self.read(raw), party=by, signatory=WHO, signer=self.signer(by), now=now)

    def hold_at_college(self, raw: bytes) -> None:
        """Have the college fetch the document from the trust and hold it with its accession, as the command does."""
        document = fetch_agreement(self.network.wire, address(TRUST, self.ref.digest))
        now, ref, node = self.network.clock.now(), self.ref, self.network.nodes[COLLEGE]
        node.store.write(
            lambda tx: agreements.put(
                tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=document, added_at=now
            )
        )
        [agreement] = node.agreements.documents(now=now)
        node.countersigning.accessions.accept_accession(agreement, raw, None, COLLEGE, now)

    def admit(self) -> None:
        """Have the trust admit the accession that waits there, as the command does."""
        now, node = self.network.clock.now(), self.network.nodes[TRUST]
        [waiting] = node.agreements.joiner_records(self.ref, now=now).accessions
        [agreement] = node.agreements.documents(now=now)
        raw = build_admission(waiting.accession, party=TRUST, signatory=WHO, signer=self.signer(TRUST), now=now)
        assert node.countersigning.accessions.admit(agreement, waiting.accession, raw, now=now)

    def rule(self, ruling: Ruling, by: EntityId = COUNCIL) -> None:
        now, node = self.network.clock.now(), self.network.nodes[by]
        [agreement] = node.agreements.documents(now=now)
        [record] = node.agreements.joiner_records(self.ref, now=now).accessions
        raw = build_ruling(record.accession, ruling, party=by, signatory=WHO, signer=self.signer(by), now=now)
        assert node.countersigning.accessions.accept_ruling(agreement, raw, caller=by, now=now)

    def rounds(self, *entities: EntityId) -> None:
        for entity in entities:
            self.network.nodes[entity].keeper.round()

    def joined(self) -> "Joining":
        """Have the college join with two signatures, and both nodes tell the others."""
        self.hold_at_college(self.accession())
        self.rounds(COLLEGE)
        self.admit()
        self.rounds(TRUST, COLLEGE, COUNCIL)
        return self

    def pair(self, at: EntityId, other: EntityId) -> PairState | None:
        standing = self.network.nodes[at].agreements.find(self.ref, now=self.network.clock.now())
        assert standing is not None
        pair = standing.agreement.pairs.get(other)
        return None if pair is None else pair.state

    def ask(self, purpose: str = PURPOSE) -> dict[str, Any]:
        """Have the college ask the council, and return the line or the refusal."""
        client = self.network.case_client(COLLEGE)
        body = client.body(wait_s=20.0, purpose=purpose, from_service="college", holders=[SOCIAL_CARE])
        answer = client.post_lookup(body)
        if answer.status_code != 201:
            refused: dict[str, Any] = answer.get_json()
            return refused
        [line] = answer.get_json()["answers"]
        return dict(line)

    def call(
        self, papers: Papers = NO_PAPERS, *, by: EntityId = COLLEGE, to: EntityId = TRUST, **more: Any
    ) -> TestResponse:
        now = self.network.clock.now()
        parties = call_parties(by, to, jti=token_hex(8), now=now)
        called = PartyCall(parties=parties, agreement=self.ref, papers=papers, **more)
        raw = build_call(called, signer=self.signer(by))
        path = f"/agreements/v1/{self.ref.digest}/signatures"
        return http(self.network, to).post(path, data=raw, content_type="application/jwt", base_url=to)

    def waiting(self, at: EntityId) -> int:
        now = self.network.clock.now()
        return len(self.network.nodes[at].agreements.joiner_records(self.ref, now=now).accessions)
