"""Make a peer's requests beforehand: tokens, proofs and signed messages, each good for one use."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import cycle, islice
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlencode

from gateway.agreements.registry import detail_for
from gateway.demo.case_systems import sql_systems
from gateway.demo.case_systems.records import CaseService, ResidentRecord
from gateway.demo.people.generator import generate_population
from gateway.demo.people.population import Group, Spelling
from gateway.federation.entity_configuration import MESSAGES_PATH
from gateway.oauth.server import TOKEN_PATH
from tests.bench.estate import Estate
from tests.bench.lines import Answer, Door, post
from tests.simulator.case_files import database_file
from tests.simulator.town import BY_ENTITY, COUNCIL, HOUSING, PURPOSE
from trust import base64url
from trust.claims import digest
from trust.exchange.kind import QUERY_LIFE
from trust.exchange.message import Message, PseudonymousPractitioner, RequestRef, build_message
from trust.exchange.person import Subject, for_holder, parse_subject
from trust.exchange.reply import open_reply
from trust.identifiers import ClauseId, EntityId, KindName, PurposeCode, RoleCode, ServiceSlug
from trust.keys import KeySet, KeyUse
from trust.oauth import authorization_details, client_assertion, dpop_proof

HOLDER = HOUSING
RESIDENTS = 3_000
_SERVICE = BY_ENTITY[HOLDER].services[0]
_FORM = "application/x-www-form-urlencoded"
_JWT = "application/jwt"
_CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Requests that ask the holder, and what was signed in them: each message and its bytes by ``jti``."""

    requests: list[bytes]
    sent: dict[str, tuple[Message, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenServer:
    """A token endpoint, and the issuer that it says it is."""

    door: Door
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The services that the council asks, the clause, and the content of each answer."""

    holder: EntityId = HOLDER
    service: str = _SERVICE.service
    clause: str = "who-else"
    says: str = "known"


TENANCIES = Asked()
"""The housing association, about residents in its tenancy database."""


class Asker:
    """The council, asking one service about ``subjects``, or else about those in the tenancy database."""

    def __init__(self, estate: Estate, asked: Asked = TENANCIES, subjects: Sequence[Subject] = ()) -> None:
        self._estate = estate
        self._asked = asked
        self._door = estate.peer_door(asked.holder)
        self._message = estate.signer(COUNCIL, KeyUse.MESSAGE)
        self._dpop = estate.signer(COUNCIL, KeyUse.DPOP)
        self._oauth = estate.signer(COUNCIL, KeyUse.OAUTH)
        self._detail = detail_for(estate.agreement, PurposeCode(PURPOSE), KindName("involvement.query"))
        self._subjects = cycle(subjects or _fill(estate.folder_of(HOLDER) / database_file(_SERVICE)))
        self._holder_keys = KeySet.of(KeyUse.MESSAGE, [estate.signer(asked.holder, KeyUse.MESSAGE).public])

    def token_requests(self, count: int) -> list[bytes]:
        """Make requests for access tokens, good for a minute."""
        own = TokenServer(door=self._door, issuer=self._asked.holder)
        return [self.token_request(own) for _ in range(count)]

    def calls(self, token: bytes, count: int) -> list[bytes]:
        """Make calls that are good but for their message, which is none: nothing is done once they are let in."""
        return [self._message_request(token, b"none") for _ in range(count)]

    @property
    def client_keys(self) -> KeySet:
        """The keys that prove who asks for a token."""
        return KeySet.of(KeyUse.OAUTH, [self._oauth.public])

    def batch(self, tokens: Sequence[bytes], count: int) -> Batch:
        """Make messages that use these tokens in turn, with proofs that are good for a minute."""
        sent, requests = {}, []
        for token in islice(cycle(tokens), count):
            message, raw = self._signed()
            sent[message.jti] = (message, raw)
            requests.append(self._message_request(token, raw))
        return Batch(requests=requests, sent=sent)

    def signed(self) -> bytes:
        """Return one signed message as it is."""
        return self._signed()[1]

    def check(self, batch: Batch, answers: Sequence[Answer]) -> None:
        """Verify every reply as its asker does, and that it says what was expected, "known" unless something else."""
        now = datetime.now(UTC)
        for answer in answers:
            said = json.loads(base64url.decode(answer.body.split(b".")[1], "payload"))
            message, raw = batch.sent[said["request"]["jti"]]
            ref = RequestRef(jti=message.jti, digest=digest(raw))
            reply = open_reply(
                answer.body, holder_keys=self._holder_keys, own_id=COUNCIL, sent=ref, message=message, now=now
            )
            if reply.body.get("status") != self._asked.says:
                raise RuntimeError(f"the holder answered {reply.body}")

    def _signed(self) -> tuple[Message, bytes]:
        issued = int(datetime.now(UTC).timestamp())
        message = Message(
            iss=COUNCIL,
            aud=self._asked.holder,
            iat=issued,
            exp=issued + int(QUERY_LIFE.total_seconds()),
            jti=token_urlsafe(16),
            kind=KindName("involvement.query"),
            version=1,
            agreement=self._estate.agreement,
            clause=ClauseId(self._asked.clause),
            purpose=PurposeCode(PURPOSE),
            basis=("6-1-e", "ca2004-s10"),
            from_service=ServiceSlug("connecting-families"),
            to_service=ServiceSlug(self._asked.service),
            practitioner=PseudonymousPractitioner(
                sub=token_urlsafe(32), role=RoleCode("key-worker"), org_unit="north-team"
            ),
            subject=next(self._subjects),
            body={},
            correlation=token_urlsafe(16),
        )
        return message, build_message(message, self._message)

    def _message_request(self, token: bytes, raw: bytes) -> bytes:
        headers = {
            "Authorization": f"DPoP {token.decode()}",
            "DPoP": self._proof(self._asked.holder + MESSAGES_PATH, token),
            "Content-Type": _JWT,
            "Accept": _JWT,
        }
        return post(self._door, MESSAGES_PATH, headers, raw)

    def token_request(self, server: TokenServer) -> bytes:
        """Make one request for an access token at any server of the profile."""
        assertion = client_assertion.build(
            client_id=COUNCIL, issuer=server.issuer, signer=self._oauth, now=datetime.now(UTC), jti=token_urlsafe(16)
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _CLIENT_ASSERTION,
            "client_assertion": assertion.decode(),
            "authorization_details": json.dumps(authorization_details.to_json([self._detail])),
        }
        proof = self._proof(server.issuer + TOKEN_PATH, None)
        headers = {"DPoP": proof, "Content-Type": _FORM, "Accept": "application/json"}
        return post(server.door, TOKEN_PATH, headers, urlencode(form).encode())

    def _proof(self, url: str, token: bytes | None) -> str:
        made = dpop_proof.build(
            signer=self._dpop,
            method="POST",
            url=url,
            now=datetime.now(UTC),
            jti=token_urlsafe(16),
            access_token=token,
        )
        return made.decode()


def _fill(database: Path) -> list[Subject]:
    """Fill the tenancy database with the demo's population; return those that it surely finds."""
    population = generate_population(date.today(), size=RESIDENTS)  # noqa: DTZ011 - a day in the life of the town
    database.unlink()
    sql_systems.create(CaseService.HOUSING, database, population.records())
    plain = {each.number for each in population.residents if each.group not in {Group.TWIN, Group.NAMESAKE}}
    return [
        described(population.residents[each.resident].person, _SERVICE.kind)
        for each in population.assignments
        if each.service is CaseService.HOUSING
        and each.record.ended is None
        and each.spelling is Spelling.SAME
        and each.resident in plain
    ]


def described(person: ResidentRecord, kind: str) -> Subject:
    """Return a resident as the council tells a service of this kind of them."""
    known = {
        "nhs_number": person.nhs_number,
        "family_name": person.family_name,
        "given_names": person.given_names,
        "birth_date": person.birth_date.isoformat(),
        "address": {"postcode": person.postcode, "uprn": person.uprn},
    }
    return for_holder(parse_subject({name: value for name, value in known.items() if value}, this_year=2026), kind)
