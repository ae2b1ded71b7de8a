"""The reader's cost: how many files of gateway one message, one question or one trust refresh runs through.

A file counts once a function of it runs on the path. Rooms that a reader need not open to follow the path do not count.
CEILINGS is what was measured last, and only falls; the target of each is 12.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe
from types import FrameType

import pytest

from gateway.ports import PeerRequest, PeerResponse
from tests.architecture.source import ROOT
from tests.simulator.network import Network
from tests.simulator.town import ANCHOR, BY_ENTITY, COUNCIL, TRUST

NOT_COUNTED = frozenset({"store", "telemetry", "keys", "runtime", "web", "app", "demo"})
CEILINGS = {"inbound": 25, "outbound": 34, "refresh": 12}
GATEWAY = str(ROOT / "gateway") + "/"


class Recorder:
    """Files of gateway that run on the recorded path, of any thread; other nodes' work is recorded apart."""

    def __init__(self) -> None:
        self.files: dict[str, set[str]] = {}
        self._path = threading.local()
        self._default: str | None = None

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        path = getattr(self._path, "name", None) or self._default
        if threading.current_thread().name == "store-writer":  # it runs the effects of every path
            return
        if path is not None and path != "apart" and event == "call" and frame.f_code.co_filename.startswith(GATEWAY):
            self.files.setdefault(path, set()).add(frame.f_code.co_filename.removeprefix(GATEWAY))

    @contextmanager
    def here(self, path: str) -> Iterator[None]:
        """Record this thread's calls under a name."""
        before = getattr(self._path, "name", None)
        self._path.name = path
        try:
            yield
        finally:
            self._path.name = before

    @contextmanager
    def everywhere(self, path: str) -> Iterator[None]:
        """Record every thread's calls under a name, but for those that are recorded under another."""
        self._default = path
        try:
            yield
        finally:
            self._default = None

    def counted(self, path: str) -> list[str]:
        return sorted(each for each in self.files[path] if Path(each).parts[0] not in NOT_COUNTED)


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    threading.setprofile(made.profile)
    sys.setprofile(made.profile)
    yield made
    sys.setprofile(None)
    threading.setprofile(None)


@pytest.fixture(scope="module")
def network(recorder: Recorder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    made = Network(tmp_path_factory.mktemp("cost"), [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    made.agree()

    def recorded(request: PeerRequest, answer: Callable[[], PeerResponse]) -> PeerResponse:
        with recorder.here("inbound" if request.url.endswith("/exchange/v1/messages") else "apart"):
            return answer()

    made.wire.faults |= dict.fromkeys((COUNCIL, TRUST, ANCHOR), recorded)
    yield made
    made.close()


def test_each_path_stays_short(network: Network, recorder: Recorder) -> None:
    client = network.case_client()
    body = client.body(wait_s=20.0, holders=[f"{TRUST}#mental-health"])
    assert client.post_lookup(body).status_code == 201  # caches and the peer's token are warm from here on
    headers = client.headers(**{"Idempotency-Key": token_urlsafe(16)})
    recorder.files.clear()
    with recorder.everywhere("outbound"):
        client.http.post("/case/v1/lookups", base_url=client.base_url, json=body, headers=headers)
    with recorder.here("refresh"):
        network.nodes[COUNCIL].directory.refresh(TRUST, now=network.clock.now())
    for path, ceiling in CEILINGS.items():
        files = recorder.counted(path)
        assert len(files) <= ceiling, f"{path} runs through {len(files)} files: {', '.join(files)}"
