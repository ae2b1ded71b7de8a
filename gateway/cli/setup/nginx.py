"""``hearthgate nginx``: the configuration of an nginx before the faces, filled in from the node's own."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import click

import config as config_package
from config.settings import AnchorSettings, Face, NodeSettings
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output

TEMPLATE = Path(config_package.__file__).parent / "nginx" / "face.conf"
_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")
_LISTEN = re.compile(r"(?:(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:]+\]):)?[1-9][0-9]{0,4}")
_HOW = "write a port, or an address and a port, such as 10.0.0.5:443"
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9 ._/+@:~-]*")
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - what a listener is told, and where it then is


def _internal(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Take addresses for the case face: each one of this machine's own, since a bare port listens to everybody."""
    for value in _listen(context, option, values):
        address = _address(value, option)
        if address is None or address.is_unspecified or address.is_global:
            raise click.BadParameter(
                f"{value} can be reached from anywhere, and the case face belongs on the internal network; write its "
                "private address and a port, such as 10.0.0.5:8444",
                param=option,
            )
    return values


def _listen(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _LISTEN.fullmatch(value):
            raise click.BadParameter(_HOW, param=option)
        _address(value, option)
    return values


def _address(value: str, option: click.Parameter) -> IPv4Address | IPv6Address | None:
    """Return the address of a place to listen at, or nothing for a bare port, which is every address."""
    try:
        return ip_address(value.rpartition(":")[0].strip("[]")) if ":" in value else None
    except ValueError:
        raise click.BadParameter(_HOW, param=option) from None


_path = click.Path(path_type=Path)


@click.command()
@config_option
@click.option(
    "--listen",
    multiple=True,
    default=("443", "[::]:443"),
    show_default=True,
    callback=_listen,
    help="Where nginx takes what is for the peer face: a port, or an address and a port.",
)
@click.option(
    "--case-listen",
    multiple=True,
    callback=_internal,
    help="Where nginx takes what is for the case face: a private address and a port; without it, nowhere.",
)
@click.option("--ca", type=_path, help="The CA of the faces' certificates [default: [trust] ca, else the system's].")
@click.option("--logs", type=_path, default=Path("/var/log/nginx"), show_default=True, help="nginx's folder for logs.")
@command_output
def nginx(
    *, config: Path | None, listen: tuple[str, ...], case_listen: tuple[str, ...], ca: Path | None, logs: Path
) -> UseCaseResult:
    """Write the configuration of an nginx before the faces on standard output: a file for /etc/nginx/conf.d."""
    settings = load_settings(config)
    own_ca = settings.base_dir / settings.trust.ca if settings.trust.ca else _SYSTEM_CA
    around = _Around(template=TEMPLATE.read_text(encoding="utf-8"), ca=ca or own_ca, logs=logs)
    if set(listen) & set(case_listen):
        raise OperationRefused(
            "The case face does not listen where the peer face does: it belongs on the internal network."
        )
    if case_listen and isinstance(settings, AnchorSettings):
        raise OperationRefused("A trust anchor has no case face; leave out --case-listen.")
    faces = "\n\n".join(around.written(each, settings.base_dir) for each in _faces(settings, listen, case_listen))
    return UseCaseResult(lines=[faces.rstrip("\n")], data={"configuration": faces})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proxied:
    kind: str
    entity: str
    base_url: str
    face: Face
    listen: Sequence[str]


def _faces(
    settings: NodeSettings | AnchorSettings, listen: Sequence[str], case_listen: Sequence[str]
) -> Iterator[_Proxied]:
    if isinstance(settings, AnchorSettings):
        entity = settings.anchor.entity_id
        yield _Proxied(kind="authority", entity=entity, base_url=entity, face=settings.peer, listen=listen)
        return
    entity = settings.node.entity_id
    yield _Proxied(kind="peer", entity=entity, base_url=entity, face=settings.peer, listen=listen)
    if case_listen:
        case = settings.case
        yield _Proxied(kind="case", entity=entity, base_url=case.base_url, face=case, listen=case_listen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    template: str
    ca: Path
    logs: Path

    def written(self, proxied: _Proxied, base_dir: Path) -> str:
        host = proxied.base_url.removeprefix("https://").partition("/")[0].partition(":")[0]
        address, _, port = proxied.face.bind.rpartition(":")
        values = {
            "FACE": proxied.kind,
            "ENTITY": proxied.entity,
            "NAME": f"{proxied.kind}-{host}",
            "HOST": host,
            "UPSTREAM": f"{_ANYWHERE.get(address, address)}:{port}",
            "CERTIFICATE": _plain(base_dir / proxied.face.certificate),
            "KEY": _plain(base_dir / proxied.face.key),
            "CA": _plain(self.ca),
            "LOGS": _plain(self.logs),
            "LISTEN": "\n".join(f"    listen {each} ssl;" for each in proxied.listen),
            "LISTEN_DEFAULT": "\n".join(f"    listen {each} ssl default_server;" for each in proxied.listen),
        }
        return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], self.template)


def _plain(path: Path) -> str:
    """Return a path that nginx reads as it stands, its quotes and its variables included."""
    absolute = str(path.absolute())
    if not _PLAIN_PATH.fullmatch(absolute):
        raise OperationRefused(f"nginx would misread the path {absolute!r}; use letters, digits and .-_+@:~ only.")
    return absolute
