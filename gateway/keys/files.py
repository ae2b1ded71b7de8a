"""The files of private keys: each for one purpose, and readable by their owner only (A60).

Every file is refused when it, or its folder, can be read, written or listed by group or others, or belongs, symbolic
links included, to another user than this process's own or root. What is checked is the very file that is then read,
by its open descriptor; every fault names the command that corrects it.
"""

import fcntl
import os
import ssl
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from shlex import quote

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from trust import jwk
from trust.errors import TrustError
from trust.keys import Alg, KeyUse, LocalSigner, PublicKey, parse_key
from trust.sealing import new_key

MAX_KEY_FILE = 16_384
STATE_FILE = "state.json"
"""The dates of the keys, once one was rotated or revoked (:mod:`gateway.keys.schedule`)."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_RESTORE = "make the keys with `hearthgate init`, or restore them from your backup"


class KeyFile(StrEnum):
    """The files that a vault begins with; a rotation adds others beside them."""

    FEDERATION = "federation.pem"
    MESSAGE = "message.pem"
    OAUTH = "oauth.pem"
    DPOP = "dpop.pem"
    EVIDENCE = "evidence.pem"
    ENCRYPTION = "encryption.pem"
    SEAL = "seal.key"
    PSEUDONYM = "pseudonym.key"
    EVIDENCE_HMAC = "evidence-hmac.key"


NODE_KEYS: tuple[KeyFile, ...] = tuple(KeyFile)
ANCHOR_KEYS: tuple[KeyFile, ...] = (KeyFile.FEDERATION,)
KEY_USES: Mapping[KeyFile, KeyUse] = {
    KeyFile.FEDERATION: KeyUse.FEDERATION,
    KeyFile.MESSAGE: KeyUse.MESSAGE,
    KeyFile.OAUTH: KeyUse.OAUTH,
    KeyFile.DPOP: KeyUse.DPOP,
    KeyFile.EVIDENCE: KeyUse.EVIDENCE,
    KeyFile.ENCRYPTION: KeyUse.ENCRYPTION,
}
"""The files that hold key pairs, and what each is for; the others hold random bytes."""


class KeyFilesRefused(Exception):
    """The key files cannot be used, or not be made; ``faults`` lists each with what to do."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("the private keys were refused:\n" + "\n".join(f"  - {fault}" for fault in self.faults))


def refuse_open_files(paths: Iterable[Path]) -> None:
    """Hold private keys outside the folder, those of the faces' certificates, to the same rules (A60).

    Raises :class:`KeyFilesRefused` with every fault of every file.
    """
    faults: list[str] = []
    for path in paths:
        try:
            read_private(path)
        except KeyFilesRefused as refused:
            faults.extend(refused.faults)
    if faults:
        raise KeyFilesRefused(faults)


def refuse_unusable(faces: Iterable[tuple[Path, Path]]) -> None:
    """Refuse certificates that cannot be used with their keys, each pair as TLS would load it, before anything serves.

    Raises :class:`KeyFilesRefused` with every fault.
    """
    faults = []
    for certificate, key in dict.fromkeys(faces):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        except (OSError, ValueError):  # an SSLError is an OSError
            faults.append(
                f"{certificate} and {key} cannot be used together; put a PEM chain, leaf first, and the "
                "unencrypted key that belongs to it"
            )
    if faults:
        raise KeyFilesRefused(faults)


def create_keys(directory: Path, *, names: Sequence[KeyFile] = NODE_KEYS) -> None:
    """Make new keys, each file readable by its owner only from the start, and none where one is already.

    Either all are made or none. Raises :class:`KeyFilesRefused`.
    """
    if not directory.exists():
        directory.mkdir(mode=0o700, parents=True)
    faults = list(folder_faults(directory))
    faults.extend(
        f"{directory / name} exists already, and a lost key cannot be made again; move it away first"
        for name in names
        if os.path.lexists(directory / name)
    )
    if faults:
        raise KeyFilesRefused(faults)
    write_all(directory, {name: new_pem(KEY_USES[name]) if name in KEY_USES else new_key() for name in names})


def new_pem(use: KeyUse) -> bytes:
    """Make a new private key for one use, as unencrypted PKCS #8."""
    if use is KeyUse.ENCRYPTION:
        key = ec.generate_private_key(ec.SECP256R1())
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return LocalSigner.generate(use, Alg.ED25519 if use is KeyUse.EVIDENCE else Alg.ES256).to_pem()


def public_half(raw: bytes, use: KeyUse) -> PublicKey:
    """Return the public half of a private key for one use. Raises ``TrustError``."""
    if use is not KeyUse.ENCRYPTION:
        return LocalSigner.from_pem(raw, use).public
    try:
        private = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError) as malformed:
        raise _not_ours() from malformed
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise _not_ours()
    return parse_key(jwk.write(private.public_key()), KeyUse.ENCRYPTION, named=False)


def write_all(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write new files, all or none, for the owner of the folder only. Raises :class:`KeyFilesRefused`."""
    created: list[Path] = []
    try:
        for name, content in files.items():
            _create(directory / name, content)
            created.append(directory / name)
    except OSError as failed:
        for path in created:
            path.unlink()
        raise KeyFilesRefused([f"{directory} cannot be written to ({failed.strerror})"]) from failed


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically: a reader sees the old one or the new one.

    Raises :class:`KeyFilesRefused`; the file is then as it was.
    """
    fresh = path.with_name(f".{path.name}.{token_hex(8)}")
    write_all(path.parent, {fresh.name: content})
    try:
        fresh.rename(path)
        with _listed(path.parent) as descriptor:
            os.fsync(descriptor)
    except OSError as failed:
        fresh.unlink(missing_ok=True)
        raise KeyFilesRefused([f"{path} cannot be replaced ({failed.strerror})"]) from failed


@contextmanager
def sole_change(directory: Path) -> Iterator[None]:
    """Keep other commands from changing the keys of a folder meanwhile. Raises :class:`KeyFilesRefused`."""
    faults = list(folder_faults(directory))
    if faults:
        raise KeyFilesRefused(faults)
    with _listed(directory) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            fault = f"another command is changing the keys in {directory}; wait for it to end"
            raise KeyFilesRefused([fault]) from busy
        yield


def read_private(path: Path, *, most: int = MAX_KEY_FILE) -> bytes:
    """Read a file that only its owner may read. Raises :class:`KeyFilesRefused`."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as failed:
        raise KeyFilesRefused([f"{path} cannot be read ({failed.strerror}); {_RESTORE}"]) from failed
    try:
        status = os.fstat(descriptor)
        faults = [*_faults(path, status, "600"), *_link_faults(path)]
        if not stat.S_ISREG(status.st_mode):
            faults = [f"{path} is not a regular file"]
        if faults:
            raise KeyFilesRefused(faults)
        raw = os.read(descriptor, most + 1)
    finally:
        os.close(descriptor)
    if len(raw) > most:
        raise KeyFilesRefused([f"{path} is too large for a key"])
    return raw


def folder_faults(directory: Path) -> Iterator[str]:
    """Yield what is wrong with the folder itself."""
    try:
        status = directory.stat()
    except OSError as failed:
        yield f"{directory} cannot be read ({failed.strerror}); check [keys] directory in the configuration"
        return
    if not stat.S_ISDIR(status.st_mode):
        yield f"{directory} is not a folder; check [keys] directory in the configuration"
        return
    yield from _faults(directory, status, "700")
    yield from _link_faults(directory)


@contextmanager
def _listed(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, _LIST)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _create(path: Path, content: bytes) -> None:
    descriptor = os.open(path, _CREATE, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _give_to_owner_of_folder(path, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def _give_to_owner_of_folder(path: Path, descriptor: int) -> None:
    """Let the node, which runs as a user of its own, read what root made for it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _faults(path: Path, status: os.stat_result, mode: str) -> Iterator[str]:
    if status.st_mode & _OTHERS:
        yield f"{path} is open to its group or to others; run: chmod {mode} {quote(str(path))}"
    if status.st_uid not in {os.geteuid(), 0}:
        yield f"{path} belongs to another user; run as root: chown {os.geteuid()} {quote(str(path))}"


def _link_faults(path: Path) -> Iterator[str]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode) and status.st_uid not in {os.geteuid(), 0}:
        yield f"{path} is a link that another user made; put the file itself there"


def _not_ours() -> TrustError:
    return TrustError("The encryption key must be an unencrypted PKCS #8 PEM file of a P-256 key.")
