"""Rounds of ``mesh-sandbox``'s whole cycle, asked by ``mesh-client`` over plain HTTP.

Run in their own environment: ``python mesh_cycle.py PAYLOAD FOLDER PORT CLIENTS``. Each line of standard input is a
number of messages; each line of standard output is the JSON ``{"messages": ..., "elapsed_s": ...}`` of that round.

The sandbox keeps messages as files in FOLDER, which it does not sync. It counts a mailbox's messages at every call and
never removes one, so both mailboxes are emptied before each round. An acknowledged message can be fetched again, so
messages are counted by id and only where the acknowledgement is on record.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter, sleep

import requests
from mesh_client import MeshClient

_SENDER, _RECIPIENT = "X26ABC1", "X26ABC2"
_PASSWORD = "password"
_SHARED_KEY = "benchmark"
_START_WITHIN_S = 60.0
_CALL_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailboxes:
    """The sender's and the recipient's client, used by one thread."""

    sender: MeshClient
    recipient: MeshClient

    def message(self, payload: bytes) -> str:
        """Send, fetch and acknowledge one message, and return its id."""
        sent = self.sender.send_message(_RECIPIENT, payload, workflow_id="ALERT")
        fetched = self.recipient.retrieve_message(sent)
        if fetched.read() != payload:
            raise RuntimeError("mesh-sandbox returned another message")
        fetched.acknowledge()
        fetched.close()
        return str(sent)


class Sandbox:
    """The sandbox in a process of its own, with one worker, which is what it is made for."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        arguments = ["--port", str(port), "--workers", "1", "--no-access-log", "--log-level", "warning"]
        environment = {
            **os.environ,
            "AUTH_MODE": "full",
            "STORE_MODE": "file",
            "MAILBOXES_DATA_DIR": str(folder),
            "SHARED_KEY": _SHARED_KEY,
        }
        with (folder / "output.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "mesh_sandbox.api:app", *arguments],
                env=environment,
                stdout=log,
                stderr=log,
            )
        self._log = folder / "output.log"

    def wait(self) -> None:
        """Wait until it answers."""
        until = monotonic() + _START_WITHIN_S
        while monotonic() < until and self._process.poll() is None:
            try:
                requests.get(f"{self.url}/messageexchange/_ping", timeout=_CALL_WITHIN_S).raise_for_status()
            except requests.RequestException:
                sleep(0.05)
            else:
                return
        raise RuntimeError(f"mesh-sandbox did not start: {self._log.read_text()[-2000:]}")

    def empty(self) -> None:
        """Forget the messages of both mailboxes."""
        for mailbox in (_SENDER, _RECIPIENT):
            address = f"{self.url}/messageexchange/admin/reset/{mailbox}"
            requests.delete(address, timeout=_CALL_WITHIN_S).raise_for_status()

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        self._process.terminate()
        self._process.wait(_CALL_WITHIN_S)

    def client(self, mailbox: str) -> MeshClient:
        """Return a client of one mailbox."""
        return MeshClient(self.url, mailbox, _PASSWORD, shared_key=_SHARED_KEY.encode())


@contextmanager
def _clients(sandbox: Sandbox, count: int) -> Iterator[list[Mailboxes]]:
    with ExitStack() as closing:
        yield [
            Mailboxes(
                sender=closing.enter_context(sandbox.client(_SENDER)),
                recipient=closing.enter_context(sandbox.client(_RECIPIENT)),
            )
            for _ in range(count)
        ]


def _round(clients: list[Mailboxes], payload: bytes, count: int) -> tuple[int, float]:
    def work(number: int) -> set[str]:
        share = range(number, count, len(clients))
        return {clients[number].message(payload) for _ in share}

    with ThreadPoolExecutor(len(clients)) as pool:
        began = perf_counter()
        acknowledged = set[str]().union(*pool.map(work, range(len(clients))))
        elapsed_s = perf_counter() - began
    waiting = clients[0].recipient.list_messages()
    return len(acknowledged.difference(waiting)), elapsed_s


def main() -> None:
    """Run a round for each line of standard input."""
    payload, folder, port, clients = sys.argv[1:]
    sandbox = Sandbox(Path(folder), int(port))
    try:
        sandbox.wait()
        with _clients(sandbox, int(clients)) as mailboxes:
            for line in sys.stdin:
                sandbox.empty()
                messages, elapsed_s = _round(mailboxes, Path(payload).read_bytes(), int(line))
                print(json.dumps({"messages": messages, "elapsed_s": elapsed_s}), flush=True)
    finally:
        sandbox.stop()


if __name__ == "__main__":
    main()
