"""The settings of a node and of a trust anchor: frozen models, with secrets as paths and never as values."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from trust.errors import TrustError
from trust.identifiers import EntityId, ServiceSlug, parse_code, parse_entity_id, parse_slug

_BIND = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):[1-9]\d{0,4}")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_STORE = re.compile(r"(?:sqlite:///|postgresql(?:\+psycopg)?://).+")
_PASSWORD = re.compile(r"postgresql[^/]*//[^/@]*:[^/@]*@")
_HIGHEST_PORT = 65_535
_PRIVATE = tuple(
    ip_network(block) for block in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Where a private network can lie: RFC 1918, the shared space of RFC 6598, and unique local IPv6 (RFC 4193)."""
_WIDEST = {4: 24, 6: 64}
"""The shortest prefix of an exception: one subnet, which in IPv6 is a /64 (RFC 4291 section 2.5.4). What is wider holds
other people's machines, this agency's own among them."""


def _bind(text: str) -> str:
    if not _BIND.fullmatch(text) or int(text.rpartition(":")[2]) > _HIGHEST_PORT:
        raise ValueError("write an address and a port, such as 127.0.0.1:8443")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("write a lower-case host name with a dot, such as council.example")
    return text


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError as malformed:
        raise ValueError("write a network such as 10.20.30.0/28, with no bit set beyond its prefix") from malformed
    if not any(_lies_in(network, block) for block in _PRIVATE):
        raise ValueError(
            "only private networks need an exception: within 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 "
            "or fc00::/7"
        )
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError(
            f"write the peer's own subnet, /{_WIDEST[network.version]} or smaller; a wider one holds others as well"
        )
    return text


def _lies_in(network: IPv4Network | IPv6Network, block: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(block, IPv4Network) and network.subnet_of(block)
    return isinstance(block, IPv6Network) and network.subnet_of(block)


def _entity(text: str) -> EntityId:
    try:
        return parse_entity_id(text)
    except TrustError as refused:
        raise ValueError(refused.detail) from refused


def _slug(text: str) -> ServiceSlug:
    try:
        return parse_slug(text)
    except TrustError as refused:
        raise ValueError(refused.detail) from refused


def _code(text: str) -> str:
    try:
        return parse_code(text)
    except TrustError as refused:
        raise ValueError(refused.detail) from refused


def _store_url(text: str) -> str:
    if not _STORE.fullmatch(text):
        raise ValueError("write sqlite:///FILE or postgresql://...")
    if _PASSWORD.match(text):
        raise ValueError("a password does not belong here; name a file that holds it: postgresql://...?passfile=FILE")
    return text


Bind = Annotated[str, AfterValidator(_bind)]
HostName = Annotated[str, AfterValidator(_host)]
PrivateNetwork = Annotated[str, AfterValidator(_network)]
Entity = Annotated[str, AfterValidator(_entity)]
Slug = Annotated[str, AfterValidator(_slug)]
Code = Annotated[str, AfterValidator(_code)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
Label = Annotated[str, Field(min_length=1, max_length=120)]
Reason = Annotated[str, Field(min_length=8, max_length=200)]
Phone = Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ]{5,18}[0-9]$")]


class _Frozen(BaseModel):
    """A table of the file: unknown names are faults, and nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


class Identity(_Frozen):
    """``[node]`` or ``[anchor]``: who this is in the federation, and which authorities vouch for it.

    A node without ``superiors`` is vouched for by its pinned anchors; an ``[anchor]`` without them is a trust anchor,
    and one with them an intermediate.
    """

    entity_id: Entity
    name: Label
    superiors: tuple[Entity, ...] = Field(default=(), max_length=5)


class AuthorityIdentity(Identity):
    """``[anchor]``: also the file with a trust anchor's public recovery keys, which members pin beside the others."""

    recovery: Path | None = None


class Face(_Frozen):
    """A listener with its own pool of workers. ``certificate`` and ``key`` are PEM files."""

    bind: Bind
    certificate: Path
    key: Path
    workers: int = Field(default=1, ge=1, le=64)
    threads: int = Field(default=8, ge=1, le=256)


class CaseFace(Face):
    """``[case]``: the internal face, with the base URL that case systems use and tokens are addressed to."""

    base_url: Entity


class OperationsFace(_Frozen):
    """``[operations]``: health and metrics, on loopback only."""

    bind: Bind


class StoreSettings(_Frozen):
    """``[store]``: where the node keeps its own state."""

    url: StoreUrl = "sqlite:///data/node.db"


class KeySettings(_Frozen):
    """``[keys]``: the folder of private key files, readable by their owner only."""

    directory: Path = Path("keys")


class Anchor(_Frozen):
    """``[[trust.anchors]]``: an anchor pinned out of band; ``jwks`` is the file with its public federation keys."""

    entity_id: Entity
    jwks: Path


class TrustSettings(_Frozen):
    """``[trust]``: the anchors, and a CA file where the partnership does not use the system's roots."""

    anchors: tuple[Anchor, ...] = ()
    ca: Path | None = None


class HostException(_Frozen):
    """``[hosts]``: the one exact address that a name may be reached at, and why. For development."""

    address: Bind
    reason: Reason


class NetworkException(_Frozen):
    """``[networks]``: the private networks that one peer's name may lead to, and why."""

    networks: tuple[PrivateNetwork, ...] = Field(min_length=1, max_length=8)
    reason: Reason


class Proxy(_Frozen):
    """``[proxy]``: the one CONNECT proxy towards peers; ``credentials`` is a file with ``user:password``."""

    address: Bind
    credentials: Path | None = None
    reason: Reason


class CaseSystems(_Frozen):
    """``[case_systems]``: the host names that adapters may call, and their CA where the system's roots do not do."""

    names: tuple[HostName, ...] = ()
    ca: Path | None = None


class AdapterSettings(_Frozen):
    """``[services.adapter]``: the kind of adapter, and its own table, which that adapter validates."""

    type: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    settings: dict[str, Any] = Field(default_factory=dict)


class LocalRestriction(_Frozen):
    """``[[services.restrictions]]``: a local rule that only narrows what agreements permit, with its reason.

    Without ``role`` the whole clause is refused; with ``role`` it is refused to that role only.
    """

    agreement: Code
    clause: Code
    role: Code | None = None
    reason: Label


class Service(_Frozen):
    """``[[services]]``: one service that this node hosts."""

    slug: Slug
    name: Label
    kind: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    duty_phone: Phone
    adapter: AdapterSettings
    restrictions: tuple[LocalRestriction, ...] = ()


class Limits(_Frozen):
    """``[limits]``: how long the node waits. Seconds of wall time."""

    lookup_s: float = Field(default=8.0, gt=0, le=30)
    peer_s: float = Field(default=5.0, gt=0, le=10)
    case_system_s: float = Field(default=3.0, gt=0, le=9)
    answers_kept_s: int = Field(default=900, ge=60, le=86_400)


class Allowance(_Frozen):
    """So many questions an hour, of which ``burst`` may come at once."""

    per_hour: int = Field(ge=1, le=1_000_000)
    burst: int = Field(ge=1, le=1_000_000)


class Allowances(_Frozen):
    """``[budgets.asking]`` and ``[budgets.answering]``: how often somebody may ask; ``roles`` differ from the rest."""

    practitioner: Allowance
    agency: Allowance
    subject: Allowance
    roles: dict[Code, Allowance] = Field(default_factory=dict)


class BudgetSettings(_Frozen):
    """``[budgets]``: what this agency's own practitioners may ask, and what others may ask of it.

    One lookup is one question to each service, so several to an agency that has several.
    """

    asking: Allowances = Allowances(
        practitioner=Allowance(per_hour=60, burst=30),
        agency=Allowance(per_hour=3_000, burst=1_000),
        subject=Allowance(per_hour=30, burst=15),
    )
    answering: Allowances = Allowances(
        practitioner=Allowance(per_hour=240, burst=120),
        agency=Allowance(per_hour=6_000, burst=2_000),
        subject=Allowance(per_hour=120, burst=60),
    )


class NodeSettings(_Frozen):
    """A node's whole configuration file; paths are resolved against the folder of the file."""

    role: Literal["node"] = "node"
    node: Identity
    peer: Face
    case: CaseFace
    operations: OperationsFace
    store: StoreSettings = StoreSettings()
    keys: KeySettings = KeySettings()
    trust: TrustSettings
    hosts: dict[HostName, HostException] = Field(default_factory=dict)
    networks: dict[HostName, NetworkException] = Field(default_factory=dict)
    proxy: Proxy | None = None
    case_systems: CaseSystems = CaseSystems()
    services: tuple[Service, ...] = Field(min_length=1, max_length=50)
    limits: Limits = Limits()
    budgets: BudgetSettings = BudgetSettings()
    base_dir: Path = Field(exclude=True)


class AnchorSettings(_Frozen):
    """A trust anchor's whole configuration file."""

    role: Literal["anchor"]
    anchor: AuthorityIdentity
    peer: Face
    operations: OperationsFace
    store: StoreSettings = StoreSettings(url="sqlite:///data/anchor.db")
    keys: KeySettings = KeySettings()
    trust: TrustSettings = TrustSettings()
    hosts: dict[HostName, HostException] = Field(default_factory=dict)
    networks: dict[HostName, NetworkException] = Field(default_factory=dict)
    proxy: Proxy | None = None
    base_dir: Path = Field(exclude=True)
