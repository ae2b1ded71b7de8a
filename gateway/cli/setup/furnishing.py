"""What setting up a node and setting up an authority have in common: a folder that is made whole or not at all."""

import shutil
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from config.loading import ConfigError, load
from gateway.administration.context import certificates
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.outcome import UseCaseResult
from gateway.administration.setup.config_files import FaceText
from gateway.keys.files import KeyFile, create_keys, refuse_unusable
from gateway.store.migration import migrate

_MISSING = ": there is no such file"
_FILE = click.Path(path_type=Path, dir_okay=False)
_COMMON = (
    click.option("--entity-id", help="Who this is in the federation, such as https://council.example."),
    click.option("--name", help="The agency's name, as people know it."),
    click.option("--tables", type=_FILE, help="A TOML file of further tables ([hosts], [networks], ...) to take over."),
    click.option(
        "--network", "networks", multiple=True, metavar="NAME=NETWORK", help="Where a peer is on a private network."
    ),
    click.option("--host", "hosts", multiple=True, metavar="NAME=ADDRESS:PORT", help="The one address of a name."),
    click.option("--reason", help="Why there are such exceptions."),
    click.option("--ca", type=_FILE, help="The CA of the partnership, where it is not among the system's roots."),
    click.option("--certificate", type=_FILE, help="Certificate chain (PEM) [default: tls/certificate.pem in DIR]."),
    click.option("--key", type=_FILE, help="Its private key (PEM) [default: tls/key.pem in DIR]."),
    click.option("--peer-bind", default="127.0.0.1:8443", show_default=True, help="Where others' calls arrive."),
    click.option("--operations-bind", default="127.0.0.1:9443", show_default=True, help="Health and metrics."),
)


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command be told what a node and an authority both need to be."""
    for option in reversed(_COMMON):
        command = option(command)
    return command


def in_new_folder(folder: Path, make: Callable[[Path, Path], UseCaseResult]) -> UseCaseResult:
    """Let ``make`` fill a staging folder, told its final place too, and put it there. Raises ``OperationRefused``."""
    target = folder.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        outcome = make(staging, target)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return outcome


def refuse_used(folder: Path, options: dict[str, Any]) -> None:
    """Refuse a folder that holds something, and half of a certificate. Raises ``OperationRefused``, ``UsageError``."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OperationRefused(f"{folder} exists already and is not empty; name a new folder.")
    if (options["certificate"] is None) != (options["key"] is None):
        raise click.UsageError("Give --certificate and --key together, or neither.")


def furnish(staging: Path, file: str, text: str, *, keys: Sequence[KeyFile], certificate_later: bool) -> None:
    """Fill the folder: configuration first, because it is what may be wrong; then keys and store."""
    write_new(staging / file, text.encode(), "The configuration", mode=0o600)
    _check(staging / file, certificate_later=certificate_later)
    (staging / "data").mkdir(mode=0o700)
    create_keys(staging / "keys", names=keys)
    migrate(tomllib.loads(text)["store"]["url"], base_dir=staging)


def faces(options: dict[str, Any]) -> FaceText:
    """Return what the file says of the listeners."""
    certificate, key = options["certificate"], options["key"]
    return FaceText(
        certificate=str(certificate.absolute()) if certificate else "tls/certificate.pem",
        key=str(key.absolute()) if key else "tls/key.pem",
        peer_bind=options["peer_bind"],
        case_bind=options.get("case_bind", ""),
        operations_bind=options["operations_bind"],
    )


def ca_of(options: dict[str, Any]) -> str | None:
    """Return the CA file as the configuration names it."""
    return str(options["ca"].absolute()) if options["ca"] else None


def tables(path: Path | None) -> str:
    """Return the text of a file that holds tables only, so that it can stand after the others."""
    if path is None:
        return ""
    text = read_input(path, "The file of tables").decode("utf-8", errors="replace")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as malformed:
        raise OperationRefused(f"{path} is not TOML: {malformed}") from malformed
    loose = sorted(name for name, value in document.items() if not isinstance(value, dict | list))
    if loose:
        raise OperationRefused(f"{path} holds settings outside a table: {', '.join(loose)}. Put each into its table.")
    return text


def parsed(parse: Any, text: str, option: str) -> None:  # noqa: ANN401 - any parser of trust.identifiers
    """Hold an option to the rules of an identifier. Raises ``UsageError``."""
    from trust.errors import TrustError

    try:
        parse(text)
    except TrustError as refused:
        raise click.UsageError(f"{option}: {refused.detail}") from refused


def next_steps(target: Path, options: dict[str, Any], steps: Sequence[str]) -> list[str]:
    """Return what is left to do, numbered."""
    first = () if options["certificate"] else ("Put the certificate chain and its key into {dir}/tls.",)
    numbered = [step.format(dir=target) for step in (*first, *steps)]
    return ["What to do next:", *(f"  {number}. {step}" for number, step in enumerate(numbered, 1))]


def _check(path: Path, *, certificate_later: bool) -> None:
    """Hold the new file to the rules of every configuration. Raises :class:`OperationRefused`, ``KeyFilesRefused``."""
    try:
        refuse_unusable(certificates(load(path, {})))
    except ConfigError as refused:
        later = {f"{face}.{name}{_MISSING}" for face in ("peer", "case") for name in ("certificate", "key")}
        faults = [fault for fault in refused.faults if not (certificate_later and fault in later)]
        if faults:
            raise OperationRefused("The configuration would not be valid, so nothing was made:", faults) from refused
