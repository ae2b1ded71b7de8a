"""The real faces of one node, with real keys and the real claim store, and callers who know how to use them.

Only what lies beyond the faces is replaced: the directory is a table in memory, the capabilities answer at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from flask import Flask

from gateway.app.capabilities import CASE_OPERATIONS
from gateway.benefits.case_api import eligibility_routes
from gateway.benefits.service import EligibilityLine, EligibilityStatus, EligibilityView
from gateway.callers import CaseCaller, CaseRefusal, CaseRefused, PeerCaller
from gateway.exchange.case_question import CaseQuestion
from gateway.exchange.options import Option, OptionsView
from gateway.http.case import case_api
from gateway.http.case.case_api import CaseFace, case_blueprint, case_guard
from gateway.http.operations import operations_api
from gateway.http.operations.operations_api import OperationsFace, operations_blueprint
from gateway.http.peer import peer_api
from gateway.http.peer.fair_share import FairShare
from gateway.http.peer.peer_api import PeerFace, peer_blueprint
from gateway.lookups.case_api import lookup_routes
from gateway.lookups.service_result import LookupAnswer, LookupState, LookupView
from gateway.oauth.case_server import CaseOAuth
from gateway.oauth.exchange import SignInProvider
from gateway.oauth.peer_server import DetailsRefused, PeerOAuth
from gateway.ports import LocalClient
from gateway.store.engine.claims_sqlite import SqliteClaims, create_claims_file
from gateway.store.engine.location import locate
from gateway.store.engine.sqlite_files import SqliteFiles
from gateway.telemetry.events import HttpRequestEvent
from gateway.web.face import build_face
from tests.simulator.clocks import SetClock
from tests.simulator.federation import Keys
from tests.simulator.town import COUNCIL, HOUSING
from tests.support.positions import positions
from trust.claims import digest
from trust.errors import NoChain
from trust.exchange.consent import ConsentRecord
from trust.exchange.eligibility import Answer, EligibilityQuery, Question
from trust.exchange.involvement import InvolvementStatus
from trust.federation.chain import TrustedEntity
from trust.identifiers import AgreementId, EntityId, KindName, PurposeCode
from trust.keys import KeySet, KeyUse, LocalSigner, Signer
from trust.oauth.access_token import Position
from trust.oauth.authorization_details import AuthorizationDetail

CASE = "https://node.council.example"
PEER_TOKEN_URL = COUNCIL + "/oauth/v1/token"
MESSAGES_URL = COUNCIL + "/exchange/v1/messages"
CASE_TOKEN_URL = CASE + "/oauth/v1/token"
LOOKUPS_URL = CASE + "/case/v1/lookups"
OPERATIONS = CASE_OPERATIONS
FORM = "application/x-www-form-urlencoded"
DETAIL = AuthorizationDetail(
    agreement_id=AgreementId("early-help"),
    agreement_version=3,
    agreement_digest=digest(b"the agreement"),
    purpose=PurposeCode("early-help"),
    kinds=frozenset({KindName("involvement.query")}),
)


class Members:
    """A directory in memory (:class:`gateway.ports.TrustResolver`)."""

    def __init__(self) -> None:
        self.entities: dict[EntityId, TrustedEntity] = {}
        self.shown: list[tuple[bytes, ...]] = []
        self.learned: list[str] = []

    def resolve(self, entity: EntityId, *, now: datetime, urgent: bool = False) -> TrustedEntity:
        found = self.entities.get(entity)
        if found is None or found.expires_at <= now:
            raise NoChain("No trusted anchor vouches for this entity.")
        return found

    def cached(self, entity: EntityId, *, now: datetime) -> None:
        return None

    def check_standing(self, party: TrustedEntity, *, now: datetime, urgent: bool) -> None:
        self.resolve(party.entity_id, now=now, urgent=urgent)

    def resolve_presented(
        self, entity: EntityId, chain: Sequence[bytes], *, now: datetime, urgent: bool = False
    ) -> TrustedEntity:
        self.shown.append(tuple(chain))
        return self.resolve(entity, now=now, urgent=urgent)

    def refresh_keys(self, entity: EntityId, kid: str, *, now: datetime) -> TrustedEntity:
        self.learned.append(kid)
        return self.resolve(entity, now=now, urgent=True)

    def note_suspensions(self, from_peer: EntityId, seqs: Mapping[EntityId, int], *, now: datetime) -> None:
        raise AssertionError("no reply comes here")

    def suspension_seqs(self, *, now: datetime) -> Mapping[EntityId, int]:
        return {}

    def admit(self, entity: EntityId, signer: Signer, now: datetime) -> None:
        self.entities[entity] = TrustedEntity(
            entity_id=entity,
            anchor=EntityId("https://anchor.example"),
            federation_keys=KeySet.of(KeyUse.FEDERATION, [LocalSigner.generate(KeyUse.FEDERATION).public]),
            metadata={},
            node=None,
            oauth_client_keys=KeySet.of(KeyUse.OAUTH, [signer.public]),
            authorization_server=None,
            refreshed_at=now,
            expires_at=now + timedelta(hours=120),
        )


@dataclass(slots=True, kw_only=True)
class Watcher:
    """An observer that keeps what it saw."""

    seen: list[HttpRequestEvent] = field(default_factory=list)
    crashes: list[BaseException] = field(default_factory=list)

    def record_request(self, event: HttpRequestEvent) -> None:
        self.seen.append(event)

    def record_error(self, error: BaseException, *, face: str, request_id: str) -> None:
        self.crashes.append(error)


@dataclass(slots=True, kw_only=True)
class Lookups:
    """Lookups that are complete at once; ``raises`` is thrown instead where it is set."""

    requests: list[CaseQuestion] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    views: dict[tuple[str, str], LookupView] = field(default_factory=dict)
    state: LookupState = LookupState.COMPLETE
    raises: Exception | None = None

    def start(
        self, caller: CaseCaller, question: CaseQuestion, *, wait_s: float, idempotency_key: str, now: datetime
    ) -> LookupView:
        if self.raises:
            raise self.raises
        self.requests.append(question)
        self.waits.append(wait_s)
        line = LookupAnswer(
            service=f"{HOUSING}#tenancies",
            service_name="Tenancies",
            organisation="Moor Homes",
            status=InvolvementStatus.KNOWN,
            involvements=({"role": "housing-officer", "worker": "Ada Fell", "since": "2024-02-01"},),
            agreement="early-help",
            as_of=date(2026, 1, 5),
        )
        view = LookupView(
            id=f"lookup-{idempotency_key}",
            state=self.state,
            asked=1,
            answered=1,
            summary="1 of 1 services answered",
            answers=(line,),
            keep_until=now + timedelta(minutes=15),
        )
        self.views[caller.client.client_id, view.id] = view
        return view

    def get(self, lookup_id: str, caller: CaseCaller, *, now: datetime) -> LookupView | None:
        return self.views.get((caller.client.client_id, lookup_id))


@dataclass(slots=True, kw_only=True)
class Eligibility:
    """A registry that says yes."""

    requests: list[CaseQuestion] = field(default_factory=list)

    def ask(
        self, caller: CaseCaller, question: CaseQuestion, benefit_question: Question, *, now: datetime
    ) -> EligibilityView:
        self.requests.append(question)
        query = cast("EligibilityQuery", question.query)
        line = EligibilityLine(
            service="https://jobcentre.example#benefits",
            service_name="Benefits",
            organisation="Jobcentre",
            status=EligibilityStatus.ANSWERED,
            answer=Answer.YES,
            as_of=query.as_of,
        )
        return EligibilityView(
            question=benefit_question, asked=1, answered=1, summary="1 of 1 services answered", answers=(line,)
        )


class Options:
    """One question that each position may ask."""

    def list(self, positions: Sequence[Position], *, now: datetime) -> OptionsView:
        option = Option(
            from_service="connecting-families",
            role="key-worker",
            kind="involvement.query",
            purpose="early-help",
            holder="https://housing.example#tenancies",
            organisation="Housing",
            agreement="vale/1",
            fields=("worker",),
        )
        return OptionsView(
            positions=tuple(positions),
            purposes=("early-help",),
            roles=("key-worker",),
            services=(option.holder,),
            benefits=(),
            options=(option,),
        )


def no_consent(*_: object) -> ConsentRecord:
    """Know no consent by its id."""
    raise CaseRefused(CaseRefusal.NOT_PERMITTED, detail="There is none of that id.", remedy="Record it.")


class Node:
    """One node's faces, and everything a test may want to change behind them."""

    def __init__(self, folder: Path, clock: SetClock | None = None) -> None:
        self.clock = clock or SetClock()
        self.keys = Keys()
        self.signer = self.keys.signer(KeyUse.OAUTH)
        self.members = Members()
        self.claims_files = located(folder)
        create_claims_file(self.claims_files.claims)
        self.claims = SqliteClaims(self.claims_files, started_at=self.clock.now() - timedelta(minutes=10))
        self.clients: dict[str, LocalClient] = {}
        self.providers: tuple[SignInProvider, ...] = ()
        self.watcher = Watcher()
        self.lookups = Lookups()
        self.eligibility = Eligibility()
        self.handled: list[tuple[bytes, PeerCaller]] = []
        self.raises: Exception | None = None
        self.answer = b"signed.reply.bytes"
        self.threads = 8

    def peer_oauth(self) -> PeerOAuth:
        return PeerOAuth(
            entity_id=COUNCIL,
            vault=self.keys,
            directory=self.members,
            claims=self.claims,
            permitted=self._permitted,
        )

    def case_oauth(self) -> CaseOAuth:
        return CaseOAuth(
            base_url=CASE,
            vault=self.keys,
            find_client=self.clients.get,
            claims=self.claims,
            providers=self.providers,
        )

    def peer_app(self) -> Flask:
        face = PeerFace(
            oauth=self.peer_oauth(),
            clock=self.clock,
            handle=self._handle,
            handle_batch=lambda batch, caller, now: [self._handle(each, caller, now) for each in batch],
            share=FairShare(self.threads),
        )
        return build_face("peer", [peer_blueprint(face)], max_body=peer_api.MAX_BODY, observer=self.watcher)

    def case_app(self) -> Flask:
        face = CaseFace(
            oauth=self.case_oauth(), clock=self.clock, options=cast("Any", Options()), operations=OPERATIONS
        )
        guard = case_guard(face.oauth, self.clock)
        blueprints = [
            case_blueprint(face, guard),
            lookup_routes(cast("Any", self.lookups), no_consent, guard),
            eligibility_routes(cast("Any", self.eligibility), no_consent, guard),
        ]
        return build_face("case", blueprints, max_body=case_api.MAX_BODY, observer=self.watcher)

    def operations_app(self, face: OperationsFace) -> Flask:
        blueprints = [operations_blueprint(face)]
        return build_face("operations", blueprints, max_body=operations_api.MAX_BODY, observer=self.watcher)

    def register(self, client_id: str, signer: Signer, **limits: Any) -> LocalClient:
        client = LocalClient(
            client_id=client_id,
            name="Case system",
            jwks={"keys": [dict(signer.public.jwk)]},
            positions=positions(
                limits.get("services", ("connecting-families",)),
                limits.get("roles", ("key-worker",)),
                limits.get("units", ("north-team",)),
            ),
            created_at=self.clock.now(),
            vouches=limits.get("vouches", True),
        )
        self.clients[client_id] = client
        return client

    def revoke(self, client_id: str) -> None:
        self.clients[client_id] = replace(self.clients[client_id], revoked_at=self.clock.now())

    def _handle(self, raw: bytes, caller: PeerCaller, now: datetime) -> bytes:
        if self.raises:
            raise self.raises
        self.handled.append((raw, caller))
        return self.answer

    def _permitted(
        self, party: TrustedEntity, details: tuple[AuthorizationDetail, ...], now: datetime
    ) -> tuple[AuthorizationDetail, ...]:
        if any(detail.agreement_id != DETAIL.agreement_id for detail in details):
            raise DetailsRefused("No agreement in force between us has that id.")
        return tuple(replace(detail, kinds=detail.kinds & DETAIL.kinds) for detail in details)


def located(folder: Path) -> SqliteFiles:
    """Return where the claims of a test's node lie."""
    files = locate("sqlite:///node.db", base_dir=folder)
    assert isinstance(files, SqliteFiles)
    return files
