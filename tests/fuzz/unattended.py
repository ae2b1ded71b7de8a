"""Everything that a party may answer to background work: status, headers, body and what it signs.

One input is one round of a node and of its anchor. Its first bytes choose the party, the status, the header and what
becomes of the body; the rest is the text. Each round begins with the same stores: all its writes are undone.
"""

import json
from atexit import register
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from gateway.app.authority import create_anchor
from gateway.app.node import create_node
from gateway.app.wiring import ExternalPorts
from gateway.health.checks import HealthMonitor
from gateway.ports import Clock, PeerRequest, PeerResponse, Transaction, TransportError
from gateway.runtime import machine_clock
from gateway.runtime.background import LastHandler
from gateway.telemetry import events
from gateway.telemetry.logging import configure_logging
from tests.simulator.network import Network
from tests.simulator.town import ANCHOR, BY_ENTITY, COUNCIL, TRUST
from tests.trust.makers import compact, header
from trust.base64url import decode
from trust.errors import TrustError
from trust.federation import entity_statement, key_revocation, suspension
from trust.identifiers import EntityId
from trust.keys import KeyUse

_PARTIES = ((ANCHOR,), (TRUST,), (COUNCIL,), (ANCHOR, TRUST, COUNCIL))
_STATUSES = (200, 200, 200, 404, 503, 204, 599, 400)
_HEADERS = ("date", "retry-after", "content-type", "content-length")
_CHOICES = 4


class _Undone(Exception):
    """What was written is taken back."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """A :class:`gateway.ports.Transport` that answers as the input says."""

    network: Network
    data: bytes

    def send(self, request: PeerRequest) -> PeerResponse:
        """Answer for the chosen party as the input says, and for the others as they do."""
        party, status, named, body = self.data[:_CHOICES]
        host = EntityId("/".join(request.url.split("/")[:3]))
        if host not in _PARTIES[party % len(_PARTIES)]:
            return self.network.wire.deliver(request)
        text = self.data[_CHOICES:]
        ways: tuple[Callable[[], bytes], ...] = (
            lambda: self.network.wire.deliver(request).body,
            lambda: text,
            lambda: self._signed(host, self.network.wire.deliver(request).body, text),
            lambda: self._listed(host, text),
        )
        said = PeerResponse(
            status=_STATUSES[status % len(_STATUSES)],
            content_type=request.accept,
            headers={_HEADERS[named % len(_HEADERS)]: text.decode("latin-1")},
            body=ways[body % len(ways)](),
        )
        if len(said.body) > request.max_bytes:
            raise TransportError("the answer is too long")
        return said

    def _signed(self, host: EntityId, body: bytes, text: bytes) -> bytes:
        """Have the party sign what it says with members of the input's, or the input as it is."""
        with suppress(ValueError, TypeError, IndexError, TrustError):
            text = json.dumps({**json.loads(decode(body.split(b".")[1], "the claims")), **json.loads(text)}).encode()
        return self._by(host, entity_statement.TYP, text)

    def _listed(self, host: EntityId, text: bytes) -> bytes:
        entry = self._by(host, suspension.TYP, text).decode()
        revoked = self._by(host, key_revocation.TYP, text).decode()
        return json.dumps({"suspensions": [entry], "signatures": [entry], "revocations": [revoked]}).encode()

    def _by(self, host: EntityId, typ: str, payload: bytes) -> bytes:
        vault = self.network.anchor.vault if host == ANCHOR else self.network.nodes[host].vault
        signer = vault.signer(KeyUse.FEDERATION)
        return compact(header(signer, typ), payload, signer)


@cache
def _network() -> Network:
    """Make the federation once for a process, six minutes ago, so that everything is due again."""
    configure_logging(StringIO())
    folder = TemporaryDirectory(prefix="hearthgate-fuzz-")
    register(folder.cleanup)
    network = Network(Path(folder.name), [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    network.agree(unsigned_by=[TRUST])
    network.nodes[COUNCIL].keeper.round()
    network.anchor.keeper.round()
    network.clock.forward(minutes=6)
    return network


def _not_kept(clock: Clock) -> bool:
    return False


def _undo(store: Any) -> None:  # noqa: ANN401 - of either kind
    """Have a store take back each write once it was done."""
    write = store.write

    def undone(work: Callable[[Transaction], object]) -> object:
        found: list[object] = []

        def once(tx: Transaction) -> None:
            found.append(work(tx))
            raise _Undone

        with suppress(_Undone):
            write(once)
        return found[0] if found else None

    store.write = undone


def run(data: bytes) -> None:
    """Make a round of a node and of its anchor, and look for what a restored one has missed."""
    if len(data) < _CHOICES:
        return
    crashes = list[BaseException]()
    heard = LastHandler(crashed=lambda error, _step: crashes.append(error), notice=lambda _code: None)
    with patch.object(events, "last_handler", heard), patch.object(machine_clock, "synchronised", _not_kept):
        _round(_network(), data)
    if crashes:
        raise crashes[0]


def _round(network: Network, data: bytes) -> None:
    wire = _Answers(network, data)
    outside = ExternalPorts(clock=network.clock, transport=wire, case_systems=network.case_systems, sign_in=wire)
    node = create_node(network.nodes[COUNCIL].settings, outside)
    anchor = create_anchor(network.anchor.settings, network.clock, wire)
    for each in (node, anchor):
        _undo(each.store)
        each.keeper.run(_once())
        minding = each.keeper.check_health.__self__  # type: ignore[attr-defined]
        assert isinstance(minding, HealthMonitor)
        events.last_handler("missed", partial(minding.restore_sync.catch_up, network.clock.now(), confirmed=False))
        each.store.close()
    node.claims.close()


def _once() -> Callable[[float], bool]:
    waits = iter((False, True))
    return lambda _seconds: next(waits)


def _chosen(party: int, status: int, named: int, body: int, text: bytes) -> bytes:
    return bytes((party, status, named, body)) + text


SEEDS = (
    _chosen(0, 0, 0, 0, b"Mon, 01 Jan 99999999999999999999 00:00:00 GMT"),
    _chosen(3, 0, 0, 0, b"Fri, 31 Dec 9999 23:59:59 -2359"),
    _chosen(1, 4, 1, 0, b"99999999999999999999"),
    _chosen(0, 3, 2, 1, b'{"error":"not_found"}'),
    _chosen(3, 0, 0, 2, json.dumps({"iat": 2**53, "exp": 2**53}).encode()),
    _chosen(0, 0, 0, 2, json.dumps({"metadata": {"federation_entity": {"federation_fetch_endpoint": 1}}}).encode()),
    _chosen(0, 0, 0, 3, json.dumps({"iss": ANCHOR, "sub": TRUST, "seq": 1, "state": "suspended", "iat": 1}).encode()),
    _chosen(3, 0, 0, 1, b'{"suspensions":[1],"signatures":[null]}'),
)
