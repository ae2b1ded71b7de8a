"""Point 4: a request that no agreement covers, a replayed message and a tampered one."""

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
from gateway.demo.processes import DemoFailed
from gateway.demo.story.acting import QUERY_LIFE, ActingNode
from gateway.demo.story.scene import Scene, lookup_body
from trust import jose
from trust.exchange import involvement, reply
from trust.exchange.message import Message, Practitioner
from trust.exchange.person import parse_subject
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceSlug

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_CONFLICT: Final = 409
_MAX_REPLY: Final = 65_536


def tell(scene: Scene) -> None:
    """Ask what may not be asked; then take real signed bytes and misuse them in every way that comes to mind."""
    scene.narrator.section("4. What is refused")
    _not_covered(scene)
    _without_consent(scene)
    _nosy_peer(scene)
    _Replays(scene).tell()


def _not_covered(scene: Scene) -> None:
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.say("The same request, for a purpose that the agreement does not have: collecting rent arrears.")
    answer = scene.federation.case_client.look_up(lookup_body(him, purpose="rent-arrears"))
    _show(scene, answer)
    narrator.expect("it is refused at the council's own node, with the reason", holds=_refused(answer, _FORBIDDEN))
    narrator.gap()


def _without_consent(scene: Scene) -> None:
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.say(
        "The same request without the record of his consent. Only the clause of mental health rests on it; the others "
        "rest on the law, and are answered."
    )
    body = lookup_body(him)
    del body["consent"]
    answer = scene.federation.case_client.look_up(body)
    lines = {str(line["service"]): line for line in answer.document.get("answers", [])}
    refused = {service: line for service, line in lines.items() if line["status"] == "refused"}
    for line in refused.values():
        narrator.say(f"{line['service_name']}: {line['reason']}", indent=4)
    narrator.expect(
        "the mental health trust is not asked, and says nothing",
        holds=list(refused) == [service_ref(CaseService.MENTAL_HEALTH)],
        instead=sorted(refused),
    )
    narrator.gap()


def _nosy_peer(scene: Scene) -> None:
    """Let the college's node ask the police, whatever its own policy: the police's node must say no by itself."""
    narrator = scene.narrator
    narrator.say(
        "The college's node, with its own keys, asks the police's node for leave to ask about people. The agreement "
        "lets Connecting Families ask, not the college."
    )
    detail = detail_for(scene.agreement.ref, PurposeCode(EARLY_HELP), involvement.KIND)
    answer = ActingNode(scene.federation, COLLEGE).ask_for_token(POLICE, detail)
    told = answer.document
    narrator.say(f"{answer.status} {told.get('error', '')}: {told.get('error_description', '')}", indent=4)
    narrator.expect(
        "it gets no token, and the police are never asked about anybody",
        holds=answer.status != _OK and "access_token" not in told and bool(told.get("error_description")),
    )
    narrator.gap()


class _Replays:
    """One real message from the council to the housing association, sent again and again."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._say = scene.narrator
        self._node = ActingNode(scene.federation, COUNCIL)
        self._token = self._new_token()
        self._message = self._write()
        self._raw = self._node.signed(self._message)

    def tell(self) -> None:
        """Send it once as it should be, and then in five ways as it should not."""
        self._say.say(
            "Real signed bytes from the council's node to the node of the housing association, sent again by somebody "
            "who has copied them, and changed by somebody who has not the key:"
        )
        proof = self._node.proof_for(HOUSING, self._token)
        first = self._node.post(HOUSING, self._raw, token=self._token, proof=proof)
        status = _status(first)
        self._say.expect("the message is answered the first time: known", holds=status == "known", instead=status)
        before = _answers(self._scene, HOUSING)
        self._same_bytes(first)
        self._expect_refused("the same proof a second time", self._send(self._raw, proof=proof), _UNAUTHORIZED)
        other = self._node.signed(replace(self._message, clause=self._message.clause, body={"fields": ["worker"]}))
        self._expect_refused("other bytes under the same message id", self._send(other), _CONFLICT)
        header, payload, signature = self._raw.split(b".")
        middle = len(payload) // 2
        swapped = b"B" if payload[middle : middle + 1] == b"A" else b"A"
        tampered = b".".join((header, payload[:middle] + swapped + payload[middle + 1 :], signature))
        self._expect_refused("one character of the message changed on the way", self._send(tampered))
        forged = ActingNode(self._scene.federation, COLLEGE).signed(replace(self._message, jti=token_urlsafe(16)))
        self._expect_refused("a message in the council's name, signed with the college's key", self._send(forged))
        after = _answers(self._scene, HOUSING)
        self._say.expect(
            "none of this left a second answer in the housing association's evidence",
            holds=after == before,
            instead=f"{after - before} more answers",
        )

    def _same_bytes(self, first: PlainResponse) -> None:
        again = self._send(self._raw)
        self._say.expect(
            "the same bytes with a fresh proof: the byte-identical first answer, and nothing is looked up again",
            holds=(again.status, again.body) == (_OK, first.body),
            instead=again.status,
        )

    def _send(self, raw: bytes, *, proof: str | None = None) -> PlainResponse:
        return self._node.post(
            HOUSING, raw, token=self._token, proof=proof or self._node.proof_for(HOUSING, self._token)
        )

    def _expect_refused(self, what: str, answer: PlainResponse, status: int | None = None) -> None:
        held = _refused(answer, status or answer.status)
        self._say.expect(f"{what}: {answer.status}, {_reason(answer)}", holds=held, instead=answer.status)

    def _new_token(self) -> str:
        detail = detail_for(self._scene.agreement.ref, PurposeCode(EARLY_HELP), involvement.KIND)
        answer = self._node.ask_for_token(HOUSING, detail)
        if answer.status != _OK:
            raise DemoFailed(f"The housing association's node gave the council no token: {answer.body.decode()}")
        return str(answer.document["access_token"])

    def _write(self) -> Message:
        moment = datetime.now(UTC)
        now = int(moment.timestamp())
        clause = self._scene.clause_for(CaseService.HOUSING)
        return Message(
            iss=self._node.entity,
            aud=EntityId(HOUSING.entity_id),
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
            practitioner=Practitioner(sub=token_urlsafe(16), role=RoleCode(KEY_WORKER), org_unit=UNIT),
            subject=parse_subject(self._subject(), this_year=moment.year),
            body={},
        )

    def _subject(self) -> dict[str, object]:
        """Describe him as the housing association may be told: without the pupil number."""
        subject = self._scene.truth.first(Group.YOUNG_MAN).subject
        return {name: value for name, value in subject.items() if name != "upn"}


def _show(scene: Scene, answer: PlainResponse) -> None:
    told = answer.document
    scene.narrator.say(f"{answer.status}: {told.get('detail') or told.get('title', '')}", indent=4)
    scene.narrator.say(f"What to do: {told.get('remedy', '')}", indent=4)


def _refused(answer: PlainResponse, status: int) -> bool:
    """Tell whether an answer is a problem document of that status, with a reason in it."""
    is_problem = answer.headers.get("Content-Type", "").startswith("application/problem+json")
    return answer.status == status >= 400 and is_problem and bool(_reason(answer))  # noqa: PLR2004 - client errors


def _reason(answer: PlainResponse) -> str:
    return str(answer.document.get("detail") or answer.document.get("title", ""))


def _status(answer: PlainResponse) -> str:
    if answer.status != _OK:
        return f"{answer.status} {_reason(answer)}"
    return str(jose.peek(answer.body, typ=reply.TYP, max_bytes=_MAX_REPLY).claims["body"].get("status"))


def _answers(scene: Scene, agency: Agency) -> int:
    """Count an agency's leaves of answers; what was repeated or refused leaves others."""
    path = scene.federation.folder(agency.slug) / "data" / "node.db"
    with closing(dbapi2.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        leaves = connection.execute("SELECT leaf FROM evidence_leaves").fetchall()
    return sum(json.loads(leaf)["kind"] == "answered" for (leaf,) in leaves)
