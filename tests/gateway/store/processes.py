"""Processes of the tests' own: ``python processes.py ROLE URL ...``; each prints what it knows."""

import ctypes
import errno
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL

from gateway.ports import ClaimStore, Store, StoreBusy, StoreOutcomeUnknown, Transaction
from gateway.store.engine.location import locate
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.write_queue import WriteLimits
from gateway.store.factory import open_claims, open_store
from gateway.store.tables import evidence_leaves, messages
from tests.gateway.store.makers import COUNCIL, LATER, NOW
from tests.simulator.clocks import SetClock

HERE = Path.cwd()
_ROOT = Path(__file__).resolve().parents[3]
_FSYNC_AND_FDATASYNC = {"x86_64": (74, 75), "aarch64": (82, 83)}
_SECCOMP = {"x86_64": 317, "aarch64": 277}


def start(role: str, url: str, name: str = "a") -> subprocess.Popen[str]:
    """Start a process in a role, for a test to read."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.store.processes", role, url, name],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # one write is one line, whichever threads speak


def _append(store: Store, text: str) -> None:
    store.write(lambda tx: evidence_leaves.append(tx, leaf=text.encode(), leaf_hash=bytes(32), at=NOW))


def _in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def acknowledge(url: str, name: str) -> None:
    """Write for ever, with two threads, and name each row once it was acknowledged."""
    store = open_store(url, base_dir=HERE)

    def write_on(thread: int) -> None:
        for number in range(1_000_000):
            row = f"{name}-{thread}-{number}"
            _append(store, row)
            _say(row)

    _in_threads(2, write_on)


def acknowledge_through_failures(url: str, name: str) -> None:
    """Take messages for ever, with two threads, each again under its id until it is confirmed, and name them then."""
    location = locate(url, base_dir=HERE)
    assert isinstance(location, URL)
    store = PostgresStore(location, limits=WriteLimits(commit_s=0.1))

    def take_on(thread: int) -> None:
        for number in range(1_000_000):
            row = f"{name}-{thread}-{number}"
            while not _take(store, row):
                continue
            _say(row)

    _in_threads(2, take_on)


def _take(store: Store, row: str) -> bool:
    def effect(tx: Transaction) -> None:
        prior = messages.claim(tx, issuer=COUNCIL, message=row, digest="digest", sealed_reply=b"", expires=LATER)
        if prior is None:
            evidence_leaves.append(tx, leaf=row.encode(), leaf_hash=bytes(32), at=NOW)
        else:  # a repeat is recorded: its commit follows the first one to the standby
            evidence_leaves.append(tx, leaf=b"again", leaf_hash=bytes(32), at=NOW)

    try:
        store.write(effect)
    except (StoreBusy, StoreOutcomeUnknown):
        return False
    return True


def claim_messages(url: str, name: str) -> None:
    """Claim the same fifty message ids as everyone else, with two threads, and say whose answer each id has."""
    store = open_store(url, base_dir=HERE)

    def claim_all(thread: int) -> None:
        for number in range(50):
            mine = f"{name}-{thread}"

            def claim(tx: Transaction, jti: str = str(number), mine: str = mine) -> bytes:
                prior = messages.claim(
                    tx, issuer=COUNCIL, message=jti, digest="digest", sealed_reply=mine.encode(), expires=LATER
                )
                return mine.encode() if prior is None else prior.sealed_reply or b""

            won = store.write(claim)
            _say(f"{number} {'won' if won.decode() == mine else 'lost'} {won.decode()}")

    _in_threads(2, claim_all)
    store.close()


def claim_identifiers(url: str, _name: str) -> None:
    """Claim the same two hundred identifiers as everyone else, two threads each at once, and name those won."""
    claims: ClaimStore = open_claims(url, base_dir=HERE, clock=SetClock(NOW))
    together = threading.Barrier(2)

    def claim_all(_thread: int) -> None:
        for number in range(200):
            key = str(number)
            together.wait(30)
            if claims.claim(space="dpop", key=key, issued_at=NOW, expires=NOW + timedelta(minutes=2), now=NOW):
                _say(key)

    _in_threads(2, claim_all)
    claims.close()


def fork_after_use(url: str, name: str) -> None:
    """Use the store and the claims, fork, and use them on both sides."""
    store = open_store(url, base_dir=HERE)
    claims = open_claims(url, base_dir=HERE, clock=SetClock(NOW))

    def use(side: str) -> None:
        _append(store, f"{name}-{side}")
        claims.claim(space="fork", key=side, issued_at=NOW, expires=LATER, now=NOW)
        _say(f"{side} sees {store.read(evidence_leaves.count)}")

    use("before")
    child = os.fork()
    if child == 0:
        use("child")
        store.close()
        claims.close()
        os._exit(0)
    os.waitpid(child, 0)
    use("parent")
    store.close()
    claims.close()


def meet_failing_fsync(url: str, name: str) -> None:
    """Write once, have the kernel fail every sync from then on, and write again."""
    store = open_store(url, base_dir=HERE)
    _append(store, f"{name}-good")
    _say("acknowledged good")
    fail_every_sync()
    try:
        _append(store, f"{name}-bad")
        _say("acknowledged bad")
    finally:
        _say("survived")


def fail_every_sync() -> None:
    """Make fsync and fdatasync fail with EIO in every thread of this process, by a seccomp filter."""
    machine = os.uname().machine
    load, equal, ret = 0x20, 0x15, 0x06
    first, second = _FSYNC_AND_FDATASYNC[machine]
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (load, 0, 0, 0),  # the number of the system call
            (equal, 1, 0, first),
            (equal, 0, 1, second),
            (ret, 0, 0, 0x00050000 | errno.EIO),  # SECCOMP_RET_ERRNO
            (ret, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    set_mode_filter, all_threads = 1, 1
    if libc.syscall(_SECCOMP[machine], set_mode_filter, all_threads, header) != 0:
        raise OSError(ctypes.get_errno(), "this kernel does not let a test fail its system calls")


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    {
        "acknowledge": acknowledge,
        "acknowledge-through-failures": acknowledge_through_failures,
        "claim-messages": claim_messages,
        "claim-identifiers": claim_identifiers,
        "fork-after-use": fork_after_use,
        "meet-failing-fsync": meet_failing_fsync,
    }[role](*arguments)
