"""A new node in a folder of its own."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from config.loading import NODE_FILE, load
from config.settings import NodeSettings
from gateway.administration import thumbprints
from gateway.administration.clients import Registration, register_first
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.outcome import UseCaseResult
from gateway.administration.setup.config_edits import pin_file
from gateway.administration.setup.config_files import SetupOptions, common_values, quoted, render
from gateway.administration.setup.scaffold import new_folder, next_steps, scaffold
from gateway.keys.files import NODE_KEYS
from gateway.keys.vault import open_vault
from trust import claims, strict_json
from trust.federation.anchor_keys import Pin, build_pin, parse_pin
from trust.identifiers import parse_entity_id
from trust.keys import KeyUse
from trust.oauth.access_token import Position

_STEPS = (
    "Set up the adapter of each service in {dir}/node.toml; `hearthgate adapter check` says what is missing.",
    "Pin the trust anchor and ask to be admitted: hearthgate trust join URL --config {dir}/node.toml --wait",
    "Run it: hearthgate serve --config {dir}/node.toml, and look at it: hearthgate doctor --config {dir}/node.toml",
)
NOT_SET_UP = "not-set-up"
"""The adapter type of a new service. No adapter has this name, so that the checks ask for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewService:
    """A service before its adapter is set up."""

    slug: str
    name: str
    kind: str
    duty_phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstClient:
    """A case system to register with the node, and the file of its new private key."""

    client_id: str
    private_key: Path
    roles: Sequence[str]
    units: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """A new node. ``asks_only``: its services have no case system. ``anchor_pin`` is a trust anchor's pin."""

    common: SetupOptions
    services: Sequence[NewService]
    asks_only: bool
    case_bind: str
    case_url: str | None = None
    anchor_pin: Path | None = None
    client: FirstClient | None = None


def set_up_node(folder: Path, options: NodeOptions) -> UseCaseResult:
    """Make a node's folder: its configuration, keys and store. Raises :class:`OperationRefused` and ``TrustError``."""
    with new_folder(folder) as (staging, target):
        return _set_up(staging, target, options)


def _set_up(staging: Path, target: Path, options: NodeOptions) -> UseCaseResult:
    common, client = options.common, options.client
    pin = _read_pin(options.anchor_pin)
    if pin is not None:
        path = staging / pin_file(pin.entity)
        path.parent.mkdir(mode=0o700)
        write_new(path, build_pin(pin), "The anchor's pin", mode=0o600)
    scaffold(staging, NODE_FILE, node_toml(options, pin), keys=NODE_KEYS, certificate_later=common.tls is None)
    if client is not None:
        _register(staging, client)
    kids = [open_vault(staging / "keys").signer(KeyUse.FEDERATION).kid]
    return UseCaseResult(
        lines=[
            f"A node for {common.name} ({common.entity_id}) is set up in {target}.",
            *(
                []
                if client is None
                else [f"The case system {client.client_id} is registered; hand over {client.private_key}."]
            ),
            "",
            *([] if pin is None else _comparison(pin)),
            *next_steps(target, common, _STEPS[1:] if options.asks_only else _STEPS),
        ],
        data={
            "directory": str(target),
            "config": str(target / NODE_FILE),
            "entity_id": common.entity_id,
            "federation_key_ids": kids,
            "anchor": None if pin is None else {"entity_id": pin.entity, "key_ids": thumbprints.kids_of(pin)},
            "client": None if client is None else client.client_id,
        },
    )


def node_toml(options: NodeOptions, pin: Pin | None) -> str:
    """Return a node's configuration file. Raises :class:`OperationRefused`."""
    host = options.common.entity_id.removeprefix("https://").partition("/")[0]
    return render(
        "node",
        **common_values(options.common),
        **quoted(case_url=options.case_url or f"https://case.{host}", case_bind=options.case_bind),
        pin="" if pin is None else _pin_toml(pin),
        services="".join(_service_toml(service, asks_only=options.asks_only) for service in options.services),
    )


def _pin_toml(pin: Pin) -> str:
    return render("anchor-pin", **quoted(anchor_entity=pin.entity, anchor_jwks=str(pin_file(pin.entity))))


def _service_toml(service: NewService, *, asks_only: bool) -> str:
    adapter = render("no-adapter") if asks_only else render("adapter", **quoted(adapter=NOT_SET_UP))
    return render("service", **quoted(**asdict(service)), adapter_tables=adapter)


def _register(folder: Path, client: FirstClient) -> None:
    """Register the first case system for the node's one service.

    Raises :class:`OperationRefused` where the node has several: their case systems are separated from one another.
    """
    settings = load(folder / NODE_FILE, {})
    if not isinstance(settings, NodeSettings):
        raise TypeError("a node's configuration was just written")
    services = [service.slug for service in settings.services]
    if len(services) != 1:
        raise OperationRefused(
            "--client registers a case system of one service, and this node has several. Leave it out, and register "
            "each with `hearthgate client add --position SERVICE ROLE UNIT`."
        )
    positions = [
        Position(service=service, role=role, org_unit=unit)
        for service, role, unit in product(services, client.roles, client.units)
    ]
    name = client.client_id
    registration = Registration(client_id=name, name=name, positions=positions, private_key=client.private_key)
    register_first(settings, registration)


def _comparison(pin: Pin) -> list[str]:
    return [
        f"It trusts the anchor {pin.entity}. Compare these thumbprints with the anchor's administrators by",
        "another channel, such as the telephone, before going on:",
        *thumbprints.lines(thumbprints.kids_of(pin)),
        "",
    ]


def _read_pin(path: Path | None) -> Pin | None:
    if path is None:
        return None
    raw = read_input(path, "The anchor's pin")
    entity = claims.optional_str(strict_json.loads(raw, max_bytes=len(raw)), "entity_id")
    if entity is None:
        raise OperationRefused(
            f"{path} does not name the entity of its keys; have the anchor's administrators write it with "
            "`hearthgate trust anchor pin`."
        )
    return parse_pin(raw, parse_entity_id(entity))
