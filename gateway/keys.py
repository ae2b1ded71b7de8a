"""The node's private keys in a folder of files, each for one purpose and readable by their owner only.

The vault refuses to open (A60) when the folder or any of its key files can be read, written or listed by group or
others, or belongs, symbolic links included, to somebody else than this process's user or root. It checks the very file
that it then reads, by its open descriptor, and names every fault at once with the command that corrects it.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
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
from trust.keys import Alg, KeyUse, LocalSigner, PublicKey, Signer, parse_key
from trust.sealing import KEY_BYTES, new_key

MAX_KEY_FILE = 16_384
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class KeyFile(StrEnum):
    """The files of a vault."""

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
_SIGNING: Mapping[KeyFile, KeyUse] = {
    KeyFile.FEDERATION: KeyUse.FEDERATION,
    KeyFile.MESSAGE: KeyUse.MESSAGE,
    KeyFile.OAUTH: KeyUse.OAUTH,
    KeyFile.DPOP: KeyUse.DPOP,
    KeyFile.EVIDENCE: KeyUse.EVIDENCE,
}
_RANDOM = (KeyFile.SEAL, KeyFile.PSEUDONYM, KeyFile.EVIDENCE_HMAC)


class KeyFilesRefused(Exception):
    """The key files cannot be used, or not be made; ``faults`` lists each with what to do."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("the private keys were refused:\n" + "\n".join(f"  - {fault}" for fault in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FileKeyVault:
    """The :class:`gateway.ports.KeyVault` of a node or anchor, opened by :func:`open_vault`.

    Its keys are in this process's memory; asking for one that it was not opened with is a mistake of the caller's and
    raises ``KeyError``.
    """

    signers: Mapping[KeyUse, Signer]
    secrets: Mapping[KeyFile, bytes]
    encryption: PublicKey | None

    def signer(self, use: KeyUse) -> Signer:
        """Return the current signer for one purpose."""
        return self.signers[use]

    def seal_key(self) -> bytes:
        """Return the 32 bytes under which replies and answers rest in the store."""
        return self.secrets[KeyFile.SEAL]

    def pseudonym_key(self) -> bytes:
        """Return the 32 bytes that make practitioners' pairwise pseudonyms."""
        return self.secrets[KeyFile.PSEUDONYM]

    def evidence_hmac_key(self) -> bytes:
        """Return the 32 bytes that key the digests of people's identifiers in the evidence."""
        return self.secrets[KeyFile.EVIDENCE_HMAC]


def open_vault(directory: Path, *, needed: Sequence[KeyFile] = NODE_KEYS) -> FileKeyVault:
    """Read the key files of a folder. Raises :class:`KeyFilesRefused` with every fault of every file."""
    faults = list(_folder_faults(directory))
    signers: dict[KeyUse, Signer] = {}
    secrets: dict[KeyFile, bytes] = {}
    encryption = None
    for name in needed:
        path = directory / name
        try:
            raw = _read(path)
            if name in _SIGNING:
                signers[_SIGNING[name]] = LocalSigner.from_pem(raw, _SIGNING[name])
            elif name is KeyFile.ENCRYPTION:
                encryption = _encryption_key(raw)
            elif len(raw) == KEY_BYTES:
                secrets[name] = raw
            else:
                faults.append(f"{path} must hold exactly {KEY_BYTES} bytes; restore it from your backup")
        except KeyFilesRefused as refused:
            faults.extend(refused.faults)
        except TrustError as refused:
            faults.append(f"{path}: {refused.detail} Restore it from your backup")
    kids = [signer.kid for signer in signers.values()] + ([encryption.kid] if encryption else [])
    if len(set(kids)) != len(kids):
        faults.append(f"{directory} holds one key under two names; each purpose needs its own")
    if faults:
        raise KeyFilesRefused(faults)
    return FileKeyVault(signers=signers, secrets=secrets, encryption=encryption)


def refuse_open_files(paths: Iterable[Path]) -> None:
    """Hold private keys outside the folder, those of the faces' certificates, to the same rules (A60).

    Raises :class:`KeyFilesRefused` with every fault of every file.
    """
    faults: list[str] = []
    for path in paths:
        try:
            _read(path)
        except KeyFilesRefused as refused:
            faults.extend(refused.faults)
    if faults:
        raise KeyFilesRefused(faults)


def create_keys(directory: Path, *, names: Sequence[KeyFile] = NODE_KEYS) -> None:
    """Make new keys, each file readable by its owner only from the start, and none where one is already.

    Either all are made or none. Raises :class:`KeyFilesRefused`.
    """
    if not directory.exists():
        directory.mkdir(mode=0o700, parents=True)
    faults = list(_folder_faults(directory))
    faults.extend(
        f"{directory / name} exists already, and a lost key cannot be made again; move it away first"
        for name in names
        if os.path.lexists(directory / name)
    )
    if faults:
        raise KeyFilesRefused(faults)
    made: list[Path] = []
    try:
        for name in names:
            _create(directory / name, _new(name))
            made.append(directory / name)
    except OSError as failed:
        for path in made:
            path.unlink()
        raise KeyFilesRefused([f"{directory} cannot be written to ({failed.strerror})"]) from failed


def _new(name: KeyFile) -> bytes:
    if name in _RANDOM:
        return new_key()
    if name is KeyFile.ENCRYPTION:
        key = ec.generate_private_key(ec.SECP256R1())
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    alg = Alg.ED25519 if name is KeyFile.EVIDENCE else Alg.ES256
    return LocalSigner.generate(_SIGNING[name], alg).to_pem()


def _create(path: Path, content: bytes) -> None:
    descriptor = os.open(path, _CREATE, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def _read(path: Path) -> bytes:
    try:
        descriptor = os.open(path, _READ)
    except OSError as failed:
        remedy = "make the keys with `hearthgate init`, or restore them from your backup"
        raise KeyFilesRefused([f"{path} cannot be read ({failed.strerror}); {remedy}"]) from failed
    try:
        found = os.fstat(descriptor)
        faults = [*_faults(path, found, "600"), *_link_faults(path)]
        if not stat.S_ISREG(found.st_mode):
            faults = [f"{path} is not a regular file"]
        if faults:
            raise KeyFilesRefused(faults)
        raw = os.read(descriptor, MAX_KEY_FILE + 1)
    finally:
        os.close(descriptor)
    if len(raw) > MAX_KEY_FILE:
        raise KeyFilesRefused([f"{path} is too large for a key"])
    return raw


def _folder_faults(directory: Path) -> Iterator[str]:
    try:
        found = directory.stat()
    except OSError as failed:
        yield f"{directory} cannot be read ({failed.strerror}); check [keys] directory in the configuration"
        return
    if not stat.S_ISDIR(found.st_mode):
        yield f"{directory} is not a folder; check [keys] directory in the configuration"
        return
    yield from _faults(directory, found, "700")
    yield from _link_faults(directory)


def _faults(path: Path, found: os.stat_result, mode: str) -> Iterator[str]:
    if found.st_mode & _OTHERS:
        yield f"{path} is open to its group or to others; run: chmod {mode} {quote(str(path))}"
    if found.st_uid not in {os.geteuid(), 0}:
        yield f"{path} belongs to another user; run as root: chown {os.geteuid()} {quote(str(path))}"


def _link_faults(path: Path) -> Iterator[str]:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) and found.st_uid not in {os.geteuid(), 0}:
        yield f"{path} is a link that another user made; put the file itself there"


def _encryption_key(raw: bytes) -> PublicKey:
    try:
        private = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError) as malformed:
        raise _not_ours() from malformed
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise _not_ours()
    return parse_key(jwk.write(private.public_key()), KeyUse.ENCRYPTION, named=False)


def _not_ours() -> TrustError:
    return TrustError("The encryption key must be an unencrypted PKCS #8 PEM file of a P-256 key.")
