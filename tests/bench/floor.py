"""The floor: the least cost of any exchange on this machine.

A bare Flask route that verifies one ES256 signature, commits one row and makes one ES256 signature, under the very
gunicorn settings, TLS and connections of a node. Signatures are the cryptography library's own calls, without a JOSE
layer; the row takes the store's own commit path, pragmas and group commit included.

``python -m tests.bench.floor FOLDER PORT CERTIFICATE KEY`` serves it.
"""

import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask import Flask, Response, request

from gateway.server.supervisor import Hooks, Pool, serve
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.factory import open_store
from gateway.store.migration import migrate
from gateway.store.tables import evidence_leaves
from tests.bench import serving
from tests.bench.estate import Estate
from tests.bench.lines import Door, Line, post
from tests.bench.serving import Running
from tests.simulator.settings_files import Faces
from tests.support.case_systems import free_port
from trust.keys import KeyUse, LocalSigner

HOST = "floor.example"
PATH = "/floor"
CONTENT_TYPE = "application/jwt"
REPLY_BYTES = 1_024
"""About what a signed reply of one involvement has."""
_STORE = "sqlite:///data/floor.db"
_HALF = 32
_ES256 = ec.ECDSA(SHA256())


class Floor:
    """The floor in a process of its own, and the one request that it is asked."""

    def __init__(self, estate: Estate, folder: Path, message: bytes) -> None:
        folder.mkdir()
        migrate(_STORE, base_dir=folder)
        signer = LocalSigner.generate(KeyUse.MESSAGE)
        (folder / "sender.pem").write_bytes(signer.to_pem())
        certificate, key = estate.authority.issue(HOST)
        self.door = Door(host=HOST, port=free_port(), tls=estate.tls)
        text = message.rpartition(b".")[0]
        body = text + b"." + urlsafe_b64encode(signer.sign(text)).rstrip(b"=")
        self.request = post(self.door, PATH, {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}, body)
        arguments = [sys.executable, "-m", "tests.bench.floor", str(folder), str(self.door.port)]
        self.running: Running = serving.start([*arguments, str(certificate), str(key)], log=folder / "output.log")
        self.running.wait_for(self.door.port)

    def lines(self, count: int) -> list[Line]:
        """Open connections."""
        return [self.door.connect() for _ in range(count)]


def create_app(store: SqliteStore, sender: ec.EllipticCurvePublicKey) -> Flask:
    """Return the bare route."""
    app = Flask(__name__)
    own = ec.generate_private_key(ec.SECP256R1())
    reply = b"r" * (REPLY_BYTES - 2 * _HALF)

    @app.post(PATH)
    def answer() -> Response:
        text, _, encoded = request.get_data().rpartition(b".")
        signature = urlsafe_b64decode(encoded + b"==")
        r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
        sender.verify(encode_dss_signature(r, s), text, _ES256)
        own_r, own_s = decode_dss_signature(own.sign(reply, _ES256))
        signed = reply + own_r.to_bytes(_HALF, "big") + own_s.to_bytes(_HALF, "big")
        now = datetime.now(UTC)
        row_hash = sha256(signed).digest()
        store.write(lambda tx: evidence_leaves.append(tx, leaf=signed, leaf_hash=row_hash, at=now))
        return Response(signed, content_type=CONTENT_TYPE)

    return app


def main() -> int:
    """Serve until told to stop."""
    folder, port, certificate, key = sys.argv[1:]
    store = open_store(_STORE, base_dir=Path(folder))
    private = load_pem_private_key((Path(folder) / "sender.pem").read_bytes(), password=None)
    if not isinstance(store, SqliteStore) or not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError("the floor's own files are not what it wrote")
    defaults = Faces()
    pool = Pool(
        name="floor",
        app=create_app(store, private.public_key()),
        bind=f"127.0.0.1:{port}",
        workers=defaults.workers,
        threads=defaults.threads,
        certificate=Path(certificate),
        key=Path(key),
    )
    return serve([pool], Hooks(ready=lambda: None, worker_stops=store.close, worker_ended=lambda _pid: None))


if __name__ == "__main__":
    sys.exit(main())
