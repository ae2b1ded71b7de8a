"""Tokens and what they cost: issued here and by npm ``oidc-provider``, presented with a proof, and known already.

Both token endpoints do the same profile (client credentials, ``private_key_jwt``, DPoP, ``authorization_details``,
ES256) in one serving process each, with TLS, asked in turn by the same requests over as many connections. They differ
in what they keep: a node puts each single-use identifier into a file that all workers share and that outlives them;
``oidc-provider`` keeps it in its own memory. Node.js also computes signatures on threads of its own.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from statistics import median
from time import process_time_ns

from gateway.federation.entity_configuration import MESSAGES_PATH
from gateway.oauth import peer_server
from gateway.oauth.issued import IssuedTokens
from gateway.oauth.peer_server import RESOURCE_PATH
from gateway.oauth.signatures import GoodSignatures
from tests.bench import serving
from tests.bench.asking import HOLDER, Asker, TokenServer
from tests.bench.estate import Estate
from tests.bench.lines import Door, Line, drive
from tests.bench.report import Figures
from tests.bench.serving import Running
from tests.simulator.town import COUNCIL
from tests.support.case_systems import free_port
from tests.support.node import Node, NodeMissing, installed
from trust.keys import KeySet, KeyUse, LocalSigner
from trust.oauth import access_token
from trust.oauth.access_token import AccessTokenClaims
from trust.oauth.authorization_details import TYPE as DETAILS_TYPE

_HOST = "provider.example"
_ISSUER = f"https://{_HOST}"
_BAD_REQUEST = 400
_MS, _TO_US = 1_000.0, 1e-3
ABSENT = 0.0
"""What the figures of ``oidc-provider`` say where it cannot be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is measured: in each round so many tokens of each server, and calls; ``known`` tokens in process."""

    rounds: int = 12
    tokens: int = 96
    calls: int = 160
    known: int = 400
    connections: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """One endpoint under load."""

    running: Running
    lines: Sequence[Line]

    def round(self, requests: Sequence[bytes], *, status: int = 200) -> tuple[float, float]:
        """Return requests a second, and CPU milliseconds a request."""
        before = self.running.cpu()
        driven = drive(requests, self.lines, status=status)
        used = self.running.cpu().since(before)
        return len(requests) / driven.elapsed_s, used.all_s / len(requests) * _MS


def measure(estate: Estate, folder: Path, counts: Counts) -> Figures:
    """Measure the holder's node, which must be running, and ``oidc-provider`` beside it where Node.js is there."""
    asker = Asker(estate)
    with _provider(estate, folder, asker) as other, _lines(estate.peer_door(HOLDER), counts) as lines:
        own = _Served(running=estate.running(HOLDER), lines=lines)
        if other is None:
            figures = _compared(asker, own, None, None, counts)
        else:
            running, server = other
            with _lines(server.door, counts) as other_lines:
                figures = _compared(asker, own, _Served(running=running, lines=other_lines), server, counts)
        figures |= _calls(asker, own, counts)
    return figures | _remembered(counts)


def _compared(asker: Asker, own: _Served, other: _Served | None, server: TokenServer | None, counts: Counts) -> Figures:
    ours, theirs = [], []
    for number in range(counts.rounds + 1):
        issued = own.round(asker.token_requests(counts.tokens))
        asked = [asker.token_request(server) for _ in range(counts.tokens)] if server is not None else []
        compared = other.round(asked) if other is not None else (ABSENT, ABSENT)
        if number:  # the first round warms both up
            ours.append(issued)
            theirs.append(compared)
    ratios = [mine[0] / its[0] for mine, its in zip(ours, theirs, strict=True) if its[0]]
    return {
        "token_rps": median(rps for rps, _ in ours),
        "token_cpu_ms": median(cpu_ms for _, cpu_ms in ours),
        "oidc_provider_rps": median(rps for rps, _ in theirs),
        "oidc_provider_cpu_ms": median(cpu_ms for _, cpu_ms in theirs),
        "token_over_oidc_provider": median(ratios) if ratios else ABSENT,
    }


def _calls(asker: Asker, own: _Served, counts: Counts) -> Figures:
    token = drive(asker.token_requests(1), own.lines[:1]).answers[0].json()["access_token"].encode()
    own.round(asker.calls(token, counts.connections), status=_BAD_REQUEST)
    rounds = [own.round(asker.calls(token, counts.calls), status=_BAD_REQUEST) for _ in range(counts.rounds)]
    return {
        "dpop_call_rps": median(rps for rps, _ in rounds),
        "dpop_call_cpu_ms": median(cpu_ms for _, cpu_ms in rounds),
    }


def _remembered(counts: Counts) -> Figures:
    """Return what verifying a token costs that this process has seen, and one that it has not."""
    signer, now = LocalSigner.generate(KeyUse.OAUTH), datetime.now(UTC)
    keys = KeySet.of(KeyUse.OAUTH, [signer.public])
    resource = HOLDER + RESOURCE_PATH
    issued = IssuedTokens(issuer=HOLDER, audience=resource, max_life=peer_server.LIFETIME, keys=lambda: keys)
    tokens = GoodSignatures(issued)
    made = AccessTokenClaims(
        iss=HOLDER,
        sub=COUNCIL,
        client_id=COUNCIL,
        aud=resource,
        jti="",
        iat=now,
        exp=now + peer_server.LIFETIME,
        jkt=signer.kid,
    )
    raw = [access_token.build(replace(made, jti=token_urlsafe(16)), signer) for _ in range(counts.known)]
    new_us = median(_cpu_us(lambda each=each: tokens.verify(each, now=now)) for each in raw)  # type: ignore[misc]
    known_us = median(_cpu_us(lambda each=each: tokens.verify(each, now=now)) for each in raw)  # type: ignore[misc]
    return {"token_new_us": new_us, "token_known_us": known_us, "token_cache_saves_us": max(0.0, new_us - known_us)}


def _cpu_us(work: Callable[[], object]) -> float:
    began = process_time_ns()
    work()
    return (process_time_ns() - began) * _TO_US


@contextmanager
def _provider(estate: Estate, folder: Path, asker: Asker) -> Iterator[tuple[Running, TokenServer] | None]:
    try:
        node = installed()
    except NodeMissing as missing:
        print(f"not measured: npm oidc-provider. {missing}", flush=True)
        yield None
        return
    server = TokenServer(door=Door(host=_HOST, port=free_port(), tls=estate.tls), issuer=_ISSUER)
    running = _start(node, estate, folder, asker, server.door.port)
    try:
        running.wait_for(server.door.port)
        yield running, server
    finally:
        running.stop()


def _start(node: Node, estate: Estate, folder: Path, asker: Asker, port: int) -> Running:
    folder.mkdir()
    certificate, key = estate.authority.issue(_HOST)
    settings = {
        "issuer": _ISSUER,
        "port": port,
        "certificate": str(certificate),
        "key": str(key),
        "client": {"id": COUNCIL, "jwks": asker.client_keys.to_jwks()},
        "resource": HOLDER + MESSAGES_PATH,
        "details_type": DETAILS_TYPE,
    }
    path = folder / "token_server.json"
    path.write_text(json.dumps(settings))
    return serving.start(node.command("token_server.mjs", str(path)), log=folder / "output.log")


@contextmanager
def _lines(door: Door, counts: Counts) -> Iterator[list[Line]]:
    lines = [door.connect() for _ in range(counts.connections)]
    try:
        yield lines
    finally:
        for line in lines:
            line.close()
