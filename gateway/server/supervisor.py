"""Run a node's faces: one parent, and for each face a gunicorn of its own with its own workers.

The parent holds the application, loaded once, and nothing else: no engine, no thread, no socket. It forks one arbiter
for each face; each arbiter listens and forks its workers, so a face that is saturated leaves the others theirs. A
worker opens its stores and its connections after the fork.

A companion that ends by itself is started again, each time a little later, before it ends the node. If an arbiter does,
the parent stops the rest and exits with 1, and systemd starts it again: half a node is worse than none. SIGTERM and
SIGINT let every request that has begun be answered first; a second one does not wait. When the parent is killed, the
kernel tells the arbiters to stop.

Clients that send byte by byte hold connections and no threads (:mod:`gateway.server.worker`); nginx keeps
far more of them.
"""

import ctypes
import gc
import os
import selectors
import signal
import ssl
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.systemd import sd_notify

from gateway.runtime.background import Wait
from gateway.server.hardening import forbid_core_dumps
from gateway.server.worker import FaceTls, PoolWorker

GRACEFUL_S = 10
"""Seconds for requests that have begun when the node is told to stop."""
_STOP_WITHIN_S = GRACEFUL_S + 5
_AGAIN_AFTER_S: Sequence[float] = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""When a companion that ended by itself is started again; one that ends as often in a row ends the node."""
_STEADY_AFTER_S = 300.0
"""A companion that ran for so long before it ended begins that row again."""
_PR_SET_PDEATHSIG = 1
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes and unlinks its file there with mkstemp
# What systemd says to the parent must not be taken up by the arbiters, nor gunicorn's own variables by anybody.
_NOT_FOR_ARBITERS = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "GUNICORN_PID", "GUNICORN_FD", "GUNICORN_CMD_ARGS")
_WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_log = getLogger("hearthgate.serve")

Application = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One face's listener and workers. ``certificate`` and ``key`` are PEM files, or ``None`` for plain HTTP."""

    name: str
    app: Application
    bind: str
    workers: int
    threads: int
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What the application does as its processes come and go.

    ``ready`` runs in the parent once every worker of every pool takes requests; ``worker_stops`` in each worker before
    it ends; ``worker_ended`` in its arbiter afterwards, with the worker's process id.
    """

    ready: Callable[[], None]
    worker_stops: Callable[[], None]
    worker_ended: Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """Work that goes on beside the pools in a process of its own, until its ``wait`` says to stop."""

    name: str
    run: Callable[[Wait], None]


def serve(pools: Sequence[Pool], hooks: Hooks, companions: Sequence[Companion] = ()) -> int:
    """Serve until told to stop, and return the exit code: 0 when asked to stop, 1 when a part ended by itself."""
    if threading.active_count() > 1:
        raise RuntimeError("a thread was started before the fork; it would be missing in every worker")
    forbid_core_dumps()
    gc.collect()
    gc.freeze()  # a collection in a worker would otherwise touch, and so copy, every page it shares with the parent
    ready_from, ready_to = os.pipe()
    with _signals_held() as original_mask:
        arbiters = {
            _fork(pool, hooks, _Fork(index=index, ready_to=ready_to, mask=original_mask)): pool.name
            for index, pool in enumerate(pools)
        }
        beside = [_Beside(companion=each, hooks=hooks) for each in companions]
        for each in beside:
            each.start()
        os.close(ready_to)
        supervisor = _Supervisor(arbiters, beside, ready_from, [pool.workers for pool in pools])
        supervisor.listen()
    return supervisor.run(hooks.ready)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fork:
    index: int
    ready_to: int
    mask: set[signal.Signals]


@contextmanager
def _signals_held() -> Iterator[set[signal.Signals]]:
    original = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    try:
        yield {signal.Signals(each) for each in original}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, original)


def _fork(pool: Pool, hooks: Hooks, fork: _Fork) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be_arbiter(pool, hooks, fork, parent)
    return pid


def _be_companion(companion: Companion, hooks: Hooks, parent: int) -> NoReturn:
    """Do its work with the signals held, so that none of them comes in the middle of a step."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == parent:
            companion.run(lambda seconds: signal.sigtimedwait(_STOPPING, seconds) is not None)
            hooks.worker_stops()
        code = 0
    except BaseException as failed:  # noqa: BLE001 - on any error, this process must not go on as a second parent
        _log.error("the %s failed: %s", companion.name, type(failed).__name__)
    sys.stderr.flush()
    os._exit(code)


class _Beside:
    """One companion's process, and when it is started again after it has ended by itself."""

    def __init__(self, *, companion: Companion, hooks: Hooks) -> None:
        self.name = companion.name
        self.pid: int | None = None
        self.starts_at: float | None = None
        self._companion = companion
        self._hooks = hooks
        self._failures = 0
        self._began = 0.0

    def start(self) -> None:
        """Fork it, with the signals held as they were for the first one."""
        parent = os.getpid()
        with _signals_held():
            pid = os.fork()
            if pid == 0:
                _be_companion(self._companion, self._hooks, parent)
        self.pid, self.starts_at, self._began = pid, None, monotonic()

    def ended(self) -> bool:
        """Note that it has ended by itself, and return whether it is started again."""
        self.pid = None
        self._failures = 1 if monotonic() - self._began >= _STEADY_AFTER_S else self._failures + 1
        if self._failures > len(_AGAIN_AFTER_S):
            return False
        self.starts_at = monotonic() + _AGAIN_AFTER_S[self._failures - 1]
        return True


def _be_arbiter(pool: Pool, hooks: Hooks, fork: _Fork, parent: int) -> NoReturn:
    """Run one gunicorn; it and its workers end here, never in what the parent was about to do."""
    code = 1
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, fork.mask)
        for name in _NOT_FOR_ARBITERS:
            os.environ.pop(name, None)
        if os.getppid() == parent:
            _Gunicorn(pool, hooks, fork).run()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - on any error, this process must not go on as a second parent
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, pool: Pool, hooks: Hooks, fork: _Fork) -> None:
        self._pool = pool
        self._hooks = hooks
        self._fork = fork
        self._tls = None if pool.certificate is None or pool.key is None else FaceTls(pool.certificate, pool.key)
        super().__init__()

    def load_config(self) -> None:
        for name, value in {**self._processes(), **self._limits(), **self._trust(), **self._encryption()}.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._pool.app

    def _processes(self) -> dict[str, Any]:
        return {
            # One listener and as many workers as the face's table says: a flooded face leaves the others theirs.
            "bind": [self._pool.bind],
            "workers": self._pool.workers,
            # Requests wait for databases and peers, so threads; their number bounds what one worker does at once.
            "worker_class": PoolWorker,
            "threads": self._pool.threads,
            # Idle connections of proxies and peers; each costs a descriptor and TLS state, and more than this waits.
            "worker_connections": self._pool.threads + 256,
            # Not more in the kernel's queue than can be answered before its clients give up.
            "backlog": 256,
            # The application was loaded by the parent: workers share its memory and none can load another version.
            "preload_app": True,
            # A worker that has not come round for this long is stuck below Python; requests have shorter limits.
            "timeout": 30,
            # As long as the parent gives them before it stops asking.
            "graceful_timeout": GRACEFUL_S,
            # Longer than nginx keeps idle upstream connections (60 s), so that it is never we who close under it.
            "keepalive": 75,
            # Workers are not recycled: a leak is a fault to find, and a recycled worker drops its warm caches.
            "max_requests": 0,
            # The workers' heartbeat must not wait for a disk.
            "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
            # What a worker writes is its own account's alone.
            "umask": 0o077,
            # The parent says that it is ready once every worker is; each lets go of its stores before it ends.
            "post_worker_init": self._worker_ready,
            "worker_exit": self._worker_stops,
            "child_exit": self._worker_ended,
        }

    def _limits(self) -> dict[str, Any]:
        return {
            # The longest address is a list of a federation; no person stands in one.
            "limit_request_line": 2_048,
            # Our clients send eight; a proxy adds some.
            "limit_request_fields": 50,
            # An access token may have 16 kB (trust.oauth.access_token), and its scheme stands before it.
            "limit_request_field_size": 16_896,
        }

    def _trust(self) -> dict[str, Any]:
        return {
            # No header changes what the application sees as scheme, path or script name, from any sender: gunicorn
            # trusts 127.0.0.1 for all of them by default, and that is where nginx, and any local user, calls from.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "forwarder_headers": "",
            "proxy_protocol": "off",
            # A header name with an underscore could pass for another one in the WSGI environment.
            "header_map": "refuse",
            # HTTP/2 is nginx's to speak; one parser less is exposed here.
            "http_protocols": "h1",
            # The control socket would let every process of this user reconfigure the node while it runs.
            "control_socket_disable": True,
            # The faces write the access log themselves, by route template and without addresses.
            "accesslog": None,
            # Gunicorn's warnings repeat what a client sent; its errors are about itself.
            "loglevel": "error",
        }

    def _encryption(self) -> dict[str, Any]:
        if self._tls is None:
            return {}
        return {
            "certfile": str(self._pool.certificate),
            "keyfile": str(self._pool.key),
            # One context for all connections until the certificate is renewed: gunicorn would read the files for each.
            "ssl_context": self._shared_context,
        }

    def _shared_context(self, _conf: object, _default: object) -> ssl.SSLContext | None:
        return None if self._tls is None else self._tls.current()

    def _worker_ready(self, _worker: object) -> None:
        os.write(self._fork.ready_to, bytes([self._fork.index]))

    def _worker_stops(self, _arbiter: object, _worker: object) -> None:
        self._hooks.worker_stops()

    def _worker_ended(self, _arbiter: object, worker: Any) -> None:  # noqa: ANN401 - gunicorn ships no types
        self._hooks.worker_ended(worker.pid)


class _Supervisor:
    """Wait for the arbiters: to be ready, to be stopped, to be gone. Start companions again that have ended."""

    def __init__(
        self, arbiters: dict[int, str], beside: Sequence[_Beside], ready_from: int, expected: list[int]
    ) -> None:
        self._arbiters = arbiters
        self._beside = beside
        self._ready_from = ready_from
        self._expected = expected
        self._wake_from, self._wake_to = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._signals = 0
        self._deadline: float | None = None
        self._code = 0

    def listen(self) -> None:
        """Turn signals into bytes to read, so that nothing happens in the middle of something else."""
        for end in (self._wake_from, self._wake_to):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake_to, warn_on_full_buffer=False)
        for each in _WATCHED:
            signal.signal(each, lambda *_: None)
        self._selector.register(self._wake_from, selectors.EVENT_READ)
        self._selector.register(self._ready_from, selectors.EVENT_READ)

    def run(self, on_ready: Callable[[], None]) -> int:
        """Return the exit code once every process is gone."""
        while self._pids():
            for key, _ in self._selector.select(self._patience_s()):
                if key.fd == self._ready_from:
                    self._note_ready(on_ready)
                else:
                    self._note_signals()
            self._reap()
            self._start_again()
            if self._deadline is not None and monotonic() > self._deadline:
                self._tell(signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        return self._code

    def _pids(self) -> list[int]:
        return [*self._arbiters, *(each.pid for each in self._beside if each.pid is not None)]

    def _patience_s(self) -> float | None:
        moments = [each.starts_at for each in self._beside if each.starts_at is not None]
        moments += [] if self._deadline is None else [self._deadline]
        return max(0.05, min(moments) - monotonic()) if moments else None

    def _start_again(self) -> None:
        for each in self._beside:
            if self._deadline is not None:
                each.starts_at = None
            elif each.starts_at is not None and monotonic() >= each.starts_at:
                each.start()

    def _note_ready(self, on_ready: Callable[[], None]) -> None:
        started = os.read(self._ready_from, 256)
        if not started:
            self._selector.unregister(self._ready_from)
            return
        waited = any(count > 0 for count in self._expected)
        for index in started:
            self._expected[index] -= 1
        if waited and all(count <= 0 for count in self._expected):
            sd_notify("READY=1", _log)
            on_ready()

    def _note_signals(self) -> None:
        for number in os.read(self._wake_from, 256):
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop(signal.SIGTERM if self._signals == 0 else signal.SIGQUIT)
                self._signals += 1

    def _stop(self, how: signal.Signals) -> None:
        self._deadline = self._deadline or monotonic() + _STOP_WITHIN_S
        self._tell(how)

    def _tell(self, what: signal.Signals) -> None:
        for pid in self._pids():
            os.kill(pid, what)

    def _reap(self) -> None:
        while self._pids():
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            companion = next((each for each in self._beside if each.pid == pid), None)
            name = self._arbiters.pop(pid, None) if companion is None else companion.name
            again = companion is not None and companion.ended()
            if name is None or self._deadline is not None:
                continue
            _log.error("the %s process ended by itself with %s", name, code)
            if not again:
                self._code = 1
                self._stop(signal.SIGTERM)
