"""Point 4: requests without an agreement, without consent, replayed and tampered with."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Final

from pysqlite3 import dbapi2

from gateway.agreements.registry import detail_for
from gateway.demo.agencies import ASKER, COLLEGE, COUNCIL, HOUSING, POLICE, Agency, service_ref
from gateway.demo.agreement import EARLY_HELP, KEY_WORKER
from gateway.demo.case_client import UNIT
from gateway.demo.case_systems.records import CaseService
from gateway.demo.https import PlainResponse
from gateway.demo.people.population import Group
from gateway.demo.processes import DemoError
from gateway.demo.story.impersonation import QUERY_LIFE, ImpersonatedNode
from gateway.demo.story.scene import Scene, lookup_body
from trust import jose
from trust.exchange import involvement, reply
from trust.exchange.message import Message, PseudonymousPractitioner
from trust.exchange.person import parse_subject
from trust.identifiers import PurposeCode, RoleCode, ServiceSlug

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_CONFLICT: Final = 409
_MAX_REPLY: Final = 65_536


def tell(scene: Scene) -> None:
    """Send requests that nodes must refuse, then replay and alter real signed bytes."""
    scene.narrator.section("4. Refusals")
    _not_covered(scene)
    _without_consent(scene)
    _nosy_peer(scene)
    _Replays(scene).tell()


def _not_covered(scene: Scene) -> None:
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.say("The key worker asks for a purpose that the agreement does not have: collecting rent arrears.")
    response = scene.federation.case_client.look_up(lookup_body(him, purpose="rent-arrears"))
    _show(scene, response)
    narrator.expect("the council's own node refuses it, with the reason", holds=_is_refusal(response, _FORBIDDEN))
    narrator.gap()


def _without_consent(scene: Scene) -> None:
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.say(
        "The key worker asks without a record of his consent. Only the clause of mental health rests on consent; the "
        "services under the other clauses answer."
    )
    body = lookup_body(him)
    del body["consent"]
    response = scene.federation.case_client.look_up(body)
    rows = {str(row["service"]): row for row in response.document.get("answers", [])}
    refusals = {service: row for service, row in rows.items() if row["status"] == "refused"}
    for row in refusals.values():
        narrator.say(f"{row['service_name']}: {row['reason']}", indent=4)
    narrator.expect(
        "the mental health trust is not asked, and discloses nothing",
        holds=list(refusals) == [service_ref(CaseService.MENTAL_HEALTH)],
        instead=sorted(refusals),
    )
    narrator.gap()


def _nosy_peer(scene: Scene) -> None:
    """Ask the police with the college's keys, past the college's own checks: the police's node must refuse."""
    narrator = scene.narrator
    narrator.say(
        "The college's node requests a token from the police's node, with its own keys. The agreement lets Connecting "
        "Families ask, not the college."
    )
    detail = detail_for(scene.agreement.ref, PurposeCode(EARLY_HELP), involvement.KIND)
    response = ImpersonatedNode(scene.federation, COLLEGE).request_token(POLICE, detail)
    error = response.document
    narrator.say(f"{response.status} {error.get('error', '')}: {error.get('error_description', '')}", indent=4)
    narrator.expect(
        "it gets no token, so that it cannot ask the police about a person",
        holds=response.status != _OK and "access_token" not in error and bool(error.get("error_description")),
    )
    narrator.gap()


class _Replays:
    """One real message from the council to the housing association, replayed and altered."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._narrator = scene.narrator
        self._node = ImpersonatedNode(scene.federation, COUNCIL)
        self._token = self._new_token()
        self._message = self._new_message()
        self._raw = self._node.sign(self._message)

    def tell(self) -> None:
        """Send it once correctly, then in five ways that its receiver must not accept."""
        self._narrator.say(
            "An attacker has copied signed bytes from the council's node to the node of the housing association. The "
            "attacker sends them again, and alters them without the key:"
        )
        proof = self._node.proof_for(HOUSING, self._token)
        first = self._node.post(HOUSING, self._raw, token=self._token, proof=proof)
        status = _status(first)
        self._narrator.expect("the first time the message is answered: known", holds=status == "known", instead=status)
        before = _count_answers(self._scene, HOUSING)
        self._repeat(first)
        self._expect_refusal("the same proof a second time", self._send(self._raw, proof=proof), _UNAUTHORIZED)
        other = self._node.sign(replace(self._message, clause=self._message.clause, body={"fields": ["worker"]}))
        self._expect_refusal("other bytes under the same message id", self._send(other), _CONFLICT)
        header, payload, signature = self._raw.split(b".")
        middle = len(payload) // 2
        character = b"B" if payload[middle : middle + 1] == b"A" else b"A"
        altered_raw = b".".join((header, payload[:middle] + character + payload[middle + 1 :], signature))
        self._expect_refusal("the message with one character changed in transit", self._send(altered_raw))
        forgery = ImpersonatedNode(self._scene.federation, COLLEGE).sign(replace(self._message, jti=token_urlsafe(16)))
        self._expect_refusal("a message in the council's name, signed with the college's key", self._send(forgery))
        after = _count_answers(self._scene, HOUSING)
        self._narrator.expect(
            "the housing association's evidence has no second answer",
            holds=after == before,
            instead=f"{after - before} more answers",
        )

    def _repeat(self, first: PlainResponse) -> None:
        second = self._send(self._raw)
        self._narrator.expect(
            "the same bytes with a fresh proof: the byte-identical first answer, without a second search",
            holds=(second.status, second.body) == (_OK, first.body),
            instead=second.status,
        )

    def _send(self, raw: bytes, *, proof: str | None = None) -> PlainResponse:
        return self._node.post(
            HOUSING, raw, token=self._token, proof=proof or self._node.proof_for(HOUSING, self._token)
        )

    def _expect_refusal(self, attempt: str, response: PlainResponse, status: int | None = None) -> None:
        holds = _is_refusal(response, status or response.status)
        self._narrator.expect(
            f"{attempt}: {response.status}, {_reason(response)}", holds=holds, instead=response.status
        )

    def _new_token(self) -> str:
        detail = detail_for(self._scene.agreement.ref, PurposeCode(EARLY_HELP), involvement.KIND)
        response = self._node.request_token(HOUSING, detail)
        if response.status != _OK:
            raise DemoError(f"The housing association's node issued no token to the council: {response.body.decode()}")
        return str(response.document["access_token"])

    def _new_message(self) -> Message:
        moment = datetime.now(UTC)
        now = int(moment.timestamp())
        clause = self._scene.clause_for(CaseService.HOUSING)
        return Message(
            iss=self._node.entity,
            aud=HOUSING.entity_id,
            iat=now,
            exp=now + int(QUERY_LIFE.total_seconds()),
            jti=token_urlsafe(16),
            kind=clause.kind,
            version=clause.version,
            agreement=self._scene.agreement.ref,
            clause=clause.id,
            purpose=clause.purpose,
            basis=clause.basis,
            from_service=ServiceSlug(ASKER),
            to_service=ServiceSlug(CaseService.HOUSING),
            practitioner=PseudonymousPractitioner(sub=token_urlsafe(16), role=RoleCode(KEY_WORKER), org_unit=UNIT),
            subject=parse_subject(self._subject(), this_year=moment.year),
            body={},
        )

    def _subject(self) -> dict[str, object]:
        """Return what the housing association may be sent of him: all but the pupil number."""
        subject = self._scene.truth.first(Group.YOUNG_MAN).subject
        return {name: value for name, value in subject.items() if name != "upn"}


def _show(scene: Scene, response: PlainResponse) -> None:
    scene.narrator.say(f"{response.status}: {_reason(response)}", indent=4)
    scene.narrator.say(f"What to do: {response.document.get('remedy', '')}", indent=4)


def _is_refusal(response: PlainResponse, status: int) -> bool:
    """Return whether a response is a problem document with this status and a reason."""
    is_problem = response.headers.get("Content-Type", "").startswith("application/problem+json")
    return response.status == status >= 400 and is_problem and bool(_reason(response))  # noqa: PLR2004 - client errors


def _reason(response: PlainResponse) -> str:
    return str(response.document.get("detail") or response.document.get("title", ""))


def _status(response: PlainResponse) -> str:
    if response.status != _OK:
        return f"{response.status} {_reason(response)}"
    return str(jose.peek(response.body, typ=reply.TYP, max_bytes=_MAX_REPLY).claims["body"].get("status"))


def _count_answers(scene: Scene, agency: Agency) -> int:
    """Count an agency's leaves of answers; repeated and refused messages leave other kinds."""
    path = scene.federation.folder(agency.slug) / "data" / "node.db"
    with closing(dbapi2.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        leaves = connection.execute("SELECT leaf FROM evidence_leaves").fetchall()
    return sum(json.loads(leaf)["kind"] == "answered" for (leaf,) in leaves)
