"""One proof and one assertion succeed once, however many threads and processes try them at the same time."""

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.simulator.callers import Caller, housing
from tests.simulator.faces import MESSAGES_URL, Node

ROOT = Path(__file__).resolve().parents[3]
PROOFS = 200
_CLAIMS = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
from gateway.oauth.server import claim_proof
from gateway.store.engine.claims_sqlite import SqliteClaims
from gateway.store.engine.location import locate
from trust.oauth.dpop_proof import DPoPProof
folder, key, count, iat = sys.argv[1:]
iat = datetime.fromisoformat(iat)
claims = SqliteClaims(locate("sqlite:///node.db", base_dir=Path(folder)), started_at=iat - timedelta(minutes=1))
claims.claim(space="warm", key="up", issued_at=iat, expires=iat + timedelta(days=1), now=iat)
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    if claim_proof(claims, DPoPProof(jkt=key, jti=f"jti-{number}", iat=iat), now=iat):
        print(number)
claims.close()
"""


@pytest.mark.holds("A22")
def test_a_proof_sent_by_many_threads_at_once_succeeds_once(node: Node) -> None:
    app = node.peer_app()
    first = housing(node, app.test_client())
    token = first.peer_token()
    proof = first.proof(MESSAGES_URL, token=token)
    start = threading.Barrier(8)
    statuses: Counter[int] = Counter()

    def send() -> None:
        caller = Caller(
            client_id=first.client_id,
            issuer=first.issuer,
            token_url=first.token_url,
            http=app.test_client(),
            clock=node.clock,
        )
        start.wait()
        statuses[caller.send(token, proof=proof).status_code] += 1

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == {200: 1, 401: 7}
    assert len(node.handled) == 1


@pytest.mark.holds("A22")
def test_proofs_claimed_by_many_processes_at_once_succeed_once_each(node: Node, tmp_path: Path) -> None:
    arguments = [str(tmp_path), "thumbprint", str(PROOFS), node.clock.now().isoformat()]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _CLAIMS, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    won = Counter(line for worker in workers for line in worker.communicate(timeout=60)[0].split())
    assert won == {str(number): 1 for number in range(PROOFS)}


def test_an_assertion_used_at_one_worker_is_used_up_at_the_other(node: Node) -> None:
    one, other = housing(node, node.peer_app().test_client()), node.peer_app().test_client()
    assertion = one.assertion().decode()
    assert one.ask_peer_token(client_assertion=assertion).status_code == 200
    one.http = other
    refused = one.ask_peer_token(client_assertion=assertion)
    assert refused.status_code == 401
    assert json.loads(refused.text)["error"] == "invalid_client"
