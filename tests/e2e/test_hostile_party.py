"""A party whose answers no parser expects stops no node that asks it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from gateway.runtime.server_tls import server_tls
from tests.simulator.processes import Served, served, wait_healthy
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from trust.identifiers import EntityId

pytestmark = pytest.mark.e2e
WITHIN_S = 60.0
OVERFLOWING = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"


@contextmanager
def hostile(federation: Served, entity: EntityId, app: Flask, date: str) -> Iterator[list[str]]:
    """Serve a party's own application at its own place, with a date of its choice; yield the paths it was asked for."""
    asked: list[str] = []

    class Dated(WSGIRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            asked.append(self.path)
            return date

        def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
            pass

    host, _, port = federation.faces[entity].peer.rpartition(":")
    files = federation.faces[entity].tls
    server = make_server(host, int(port), app, threaded=True, request_handler=Dated, ssl_context=server_tls(*files))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("date", [OVERFLOWING, "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_a_date_that_overflows_stops_no_node(tmp_path: Path, date: str) -> None:
    with served(tmp_path, [COUNCIL, TRUST]) as federation:
        federation.network.agree()
        with hostile(federation, ANCHOR, federation.network.anchor.peer_app, date) as asked:
            federation.start(COUNCIL)
            node = federation.processes[COUNCIL]
            wait_healthy(federation.faces[COUNCIL].operations)
            end = time.monotonic() + WITHIN_S
            while "/.well-known/openid-federation" not in asked and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(1)
            assert "/.well-known/openid-federation" in asked
            assert "ended by itself" not in node.said()
            assert '"event":"crashed"' not in node.said()
            assert node.stop() == 0
