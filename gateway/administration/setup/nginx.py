"""The configuration of an nginx in front of a node or an authority, from its settings."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import config
from config.settings import AnchorSettings, Face
from gateway.administration.context import Settings, own_entity
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult

TEMPLATE = Path(config.__file__).parent / "nginx" / "face.conf"
LOGS = Path("/var/log/nginx")
PUBLIC = ("443", "[::]:443")
_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")
_LISTEN = re.compile(r"(?:(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:]+\]):)?[1-9][0-9]{0,4}")
_FORM = "write a port, or an address and a port, such as 10.0.0.5:443"
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9 ._/+@:~-]*")
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - every address, and where this machine reaches it


@dataclass(frozen=True, slots=True, kw_only=True)
class NginxOptions:
    """Where nginx listens, the CA of the certificates (none: that of the settings, else the system's) and its logs."""

    listen: Sequence[str] = PUBLIC
    case_listen: Sequence[str] = ()
    ca: Path | None = None
    logs: Path = LOGS


def parse_listen(place: str) -> IPv4Address | IPv6Address | None:
    """Return the address of a place to listen at, none for a bare port. Raises ``ValueError`` with what to write."""
    if not _LISTEN.fullmatch(place):
        raise ValueError(_FORM)
    try:
        return ip_address(place.rpartition(":")[0].strip("[]")) if ":" in place else None
    except ValueError:
        raise ValueError(_FORM) from None


def refuse_public(place: str) -> None:
    """Raise ``ValueError`` unless a place is an internal address of this machine: a bare port listens on all."""
    address = parse_listen(place)
    if address is None or address.is_unspecified or address.is_global:
        raise ValueError(
            f"{place} can be reached from anywhere, and the case API belongs on the internal network; write its "
            "private address and a port, such as 10.0.0.5:8444"
        )


def render_nginx(settings: Settings, options: NginxOptions) -> UseCaseResult:
    """Return the configuration of nginx, a file for its http block. Raises :class:`OperationRefused`."""
    if set(options.listen) & set(options.case_listen):
        raise OperationRefused(
            "The case API cannot listen where the peer API does: it belongs on the internal network."
        )
    if options.case_listen and isinstance(settings, AnchorSettings):
        raise OperationRefused("A trust anchor has no case API; leave out --case-listen.")
    template = TEMPLATE.read_text(encoding="utf-8")
    values = (_values(each, settings, options) for each in _servers(settings, options))
    text = "\n\n".join(_fill(template, each) for each in values)
    return UseCaseResult(lines=[text.rstrip("\n")], data={"configuration": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    kind: str
    base_url: str
    face: Face
    listen: Sequence[str]


def _servers(settings: Settings, options: NginxOptions) -> Iterator[_Server]:
    kind = "authority" if isinstance(settings, AnchorSettings) else "peer"
    yield _Server(kind=kind, base_url=own_entity(settings), face=settings.peer, listen=options.listen)
    if options.case_listen and not isinstance(settings, AnchorSettings):
        case = settings.case
        yield _Server(kind="case", base_url=case.base_url, face=case, listen=options.case_listen)


def _values(server: _Server, settings: Settings, options: NginxOptions) -> dict[str, str]:
    host = server.base_url.removeprefix("https://").partition("/")[0].partition(":")[0]
    address, _, port = server.face.bind.rpartition(":")
    own_ca = settings.base_dir / settings.trust.ca if settings.trust.ca else _SYSTEM_CA
    return {
        "FACE": server.kind,
        "ENTITY": own_entity(settings),
        "NAME": f"{server.kind}-{host}",
        "HOST": host,
        "UPSTREAM": f"{_LOOPBACK.get(address, address)}:{port}",
        "CERTIFICATE": _plain(settings.base_dir / server.face.certificate),
        "KEY": _plain(settings.base_dir / server.face.key),
        "CA": _plain(options.ca or own_ca),
        "LOGS": _plain(options.logs),
        "LISTEN": "\n".join(f"    listen {each} ssl;" for each in server.listen),
        "LISTEN_DEFAULT": "\n".join(f"    listen {each} ssl default_server;" for each in server.listen),
    }


def _fill(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"@([A-Z_]+)@", lambda word: values[word[1]], template)


def _plain(path: Path) -> str:
    """Return a path that nginx reads literally: without quotes, variables or escapes. Raises ``OperationRefused``."""
    absolute = str(path.absolute())
    if not _PLAIN_PATH.fullmatch(absolute):
        raise OperationRefused(f"nginx would misread the path {absolute!r}; use letters, digits and .-_+@:~ only.")
    return absolute
