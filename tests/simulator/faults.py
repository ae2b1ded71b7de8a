"""Faults between two nodes, and between a node and a case system."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

from pysqlite3 import dbapi2

from adapters.contract import Adapter, Candidate, Deadline, InvolvementSource, SourceUnavailable
from gateway.federation.fetch import CONFIGURATION_PATH
from gateway.ports import PeerRequest, PeerResponse, TransportError
from tests.simulator.clocks import SetClock
from tests.simulator.wire import Fault, Pass
from trust import jose
from trust.base64url import decode
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject
from trust.exchange.reply import TYP as REPLY_TYP
from trust.federation.entity_statement import TYP as STATEMENT_TYP
from trust.keys import Signer
from trust.strict_json import JsonObject, loads

MESSAGES = "/exchange/v1/messages"


def down(request: PeerRequest, _answer: Pass) -> PeerResponse:
    """Refuse the connection."""
    raise TransportError(f"{request.url}: no connection came about")


def half_open(request: PeerRequest, _answer: Pass) -> PeerResponse:
    """Take the connection, and say nothing until the asker's patience has ended: no test waits it out."""
    raise TransportError("the answer did not come within the time")


def slow(seconds: float) -> Fault:
    """Answer every request so many seconds after it came, which is too late where the asker's patience is shorter."""

    def fault(request: PeerRequest, answer: Pass) -> PeerResponse:
        came = answer()
        return half_open(request, answer) if seconds >= request.timeout_s else came

    return fault


def redirecting(_request: PeerRequest, _answer: Pass) -> PeerResponse:
    """Send everybody to another address."""
    return PeerResponse(status=302, content_type="", headers={"location": "https://elsewhere.example"}, body=b"")


def replies(change: Callable[[bytes], bytes]) -> Fault:
    """Change what is said in reply to messages; everything else is as it should be."""

    def fault(request: PeerRequest, answer: Pass) -> PeerResponse:
        said = answer()
        return replace(said, body=change(said.body)) if request.url.endswith(MESSAGES) else said

    return fault


def states(signer: Signer, change: Callable[[JsonObject], None]) -> Fault:
    """Have a member say something else of its services than it would, signed with its own federation key."""
    return publishes(signer, lambda claims: change(claims["metadata"]))


def publishes(signer: Signer, change: Callable[[JsonObject], None]) -> Fault:
    """Have an entity publish another configuration than it would, signed with its own federation key."""

    def fault(request: PeerRequest, answer: Pass) -> PeerResponse:
        said = answer()
        if not request.url.endswith(CONFIGURATION_PATH):
            return said
        claims = loads(decode(said.body.split(b".")[1], "payload"), max_bytes=65_536)
        change(claims)
        return replace(said, body=jose.sign(claims, typ=STATEMENT_TYP, signer=signer))

    return fault


def badly_signed(reply: bytes) -> bytes:
    """Flip one bit of the signature."""
    text, _, signature = reply.rpartition(b".")
    raw = bytearray(decode(signature, "signature"))
    raw[7] ^= 1
    return text + b"." + _encode(bytes(raw))


def tampered(reply: bytes) -> bytes:
    """Say that the person is not known, under the signature of another answer."""
    header, payload, signature = reply.split(b".")
    said = decode(payload, "payload").replace(b'"status":"known"', b'"status":"not_known"')
    return b".".join((header, _encode(said), signature))


def resigned(signer: Signer, change: Callable[[JsonObject], None]) -> Callable[[bytes], bytes]:
    """Say something else than the node would, but with its own key: a peer that lies in proper form."""

    def say(reply: bytes) -> bytes:
        claims = loads(decode(reply.split(b".")[1], "payload"), max_bytes=65_536)
        change(claims)
        return jose.sign(claims, typ=REPLY_TYP, signer=signer)

    return say


def _encode(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold a case system's database for oneself, as a long report does: readers wait."""
    with closing(dbapi2.connect(str(database), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def hanging(deadline: Deadline) -> None:
    """Keep a caller of a case system waiting until its deadline, which no test waits out."""
    assert deadline.remaining_s() > 0
    raise SourceUnavailable("the case system did not answer in time")


@dataclass(slots=True)
class Counted:
    """A real source that counts who was looked for."""

    source: InvolvementSource
    finds: int = 0
    reads: int = 0
    subjects: list[Subject] = field(default_factory=list)

    def find(self, subject: Subject, *, deadline: Deadline) -> "tuple[Candidate, ...]":
        """Count, and find."""
        self.finds += 1
        self.subjects.append(subject)
        return tuple(self.source.find(subject, deadline=deadline))

    def involvements(self, ref: str, *, deadline: Deadline) -> "tuple[Involvement, ...]":
        """Count, and read."""
        self.reads += 1
        return tuple(self.source.involvements(ref, deadline=deadline))


def counted(adapter: Adapter) -> tuple[Adapter, Counted]:
    """Return the adapter with its involvements counted, and the count."""
    assert adapter.involvement is not None
    count = Counted(adapter.involvement)
    return replace(adapter, involvement=count), count


@dataclass(frozen=True, slots=True)
class Failing:
    """A source whose code breaks, with a person's details in its exception."""

    text: str

    def find(self, subject: Subject, *, deadline: Deadline) -> "tuple[Candidate, ...]":
        """Break."""
        raise RuntimeError(self.text)

    def involvements(self, ref: str, *, deadline: Deadline) -> "tuple[Involvement, ...]":
        """Break."""
        raise RuntimeError(self.text)


def failing(adapter: Adapter, text: str) -> Adapter:
    """Return the adapter with a source that breaks with this text."""
    return replace(adapter, involvement=Failing(text))


def dated(clock: SetClock, off: timedelta = timedelta()) -> Fault:
    def fault(_request: PeerRequest, go_on: Pass) -> PeerResponse:
        answer = go_on()
        stamp = format_datetime(clock.now() + off, usegmt=True)
        return PeerResponse(
            status=answer.status,
            content_type=answer.content_type,
            headers={**answer.headers, "date": stamp},
            body=answer.body,
        )

    return fault
