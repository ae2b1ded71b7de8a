"""Good requests to a hostile server, and its good answer."""

from collections.abc import Callable
from dataclasses import replace

from gateway.peers.transport import HttpTransport
from gateway.ports import PeerRequest
from tests.support.hostile import HostileServer, answer

HOST = "council.example"
GET = PeerRequest(
    method="GET",
    url=f"https://{HOST}/x",
    headers={},
    body=b"",
    accept="application/jwt",
    max_bytes=1000,
    timeout_s=5,
)
POST = replace(GET, method="POST", body=b"signed")
OK = answer(b"reply")

Start = Callable[..., tuple[HostileServer, HttpTransport]]
