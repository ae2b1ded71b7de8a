"""``hearthgate init``: a new node or trust anchor in a folder of its own, whole or not at all."""

import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import click

from config.loading import ConfigError, load
from gateway.cli import fingerprints
from gateway.cli.client.case_face import KEYS
from gateway.cli.context import ANCHOR_FILE, NODE_FILE
from gateway.cli.faults import Refused
from gateway.cli.files import read_input, write_new
from gateway.cli.outcome import Outcome, answers
from gateway.cli.setup.editing import pin_file
from gateway.cli.setup.exceptions import exceptions
from gateway.cli.setup.first_client import first_client
from gateway.cli.setup.questions import completed
from gateway.cli.setup.templates import FaceText, NodeText, ServiceText, anchor_toml, node_toml
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS, create_keys
from gateway.keys.vault import open_vault
from gateway.store.migration import migrate
from trust import strict_json
from trust.identifiers import parse_entity_id, parse_slug
from trust.keys import KeySet, KeyUse

ANCHOR_KEYS_FILE = "anchor-keys.json"
_NODE_ONLY = ("case_url", "service", "tables", "anchor_entity", "anchor_jwks", "ca", "client", "hosts", "networks")
_EXAMPLE = "money-advice:money-advice:Money Advice:01632 960 001"
_MISSING = ": there is no such file"
_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--anchor", is_flag=True, help="Set up a trust anchor instead of a node.")
@click.option("--entity-id", help="Who this is in the federation, such as https://council.example.")
@click.option("--name", help="The agency's name, as people know it.")
@click.option("--case-url", help="Where case systems reach the node [default: https://case. and the entity's host].")
@click.option("--service", multiple=True, metavar="SLUG:KIND:NAME:PHONE", help="A service; give one for each.")
@click.option("--tables", type=_file, help="A TOML file of further tables ([[services]], [hosts], ...) to take over.")
@click.option("--anchor-entity", help="A trust anchor to pin by file; else `trust join` pins it over the network.")
@click.option("--anchor-jwks", type=_file, help="The file with that anchor's public keys, got by another channel.")
@click.option(
    "--network", "networks", multiple=True, metavar="NAME=NETWORK", help="Where a peer is on a private network."
)
@click.option("--host", "hosts", multiple=True, metavar="NAME=ADDRESS:PORT", help="The one address of a name.")
@click.option("--reason", help="Why there are such exceptions.")
@click.option("--client", metavar="ID", help="Register a first case system, with a new key in DIR/clients.")
@click.option("--role", "roles", multiple=True, help="A role that its users may have.")
@click.option("--unit", "units", multiple=True, help="A team or unit that they may belong to.")
@click.option("--ca", type=_file, help="The CA of the partnership, where it is not among the system's roots.")
@click.option("--certificate", type=_file, help="The certificate chain (PEM) [default: tls/certificate.pem in DIR].")
@click.option("--key", type=_file, help="Its private key (PEM) [default: tls/key.pem in DIR].")
@click.option("--peer-bind", default="127.0.0.1:8443", show_default=True, help="Where other agencies' calls arrive.")
@click.option("--case-bind", default="127.0.0.1:8444", show_default=True, help="Where case systems' calls arrive.")
@click.option("--operations-bind", default="127.0.0.1:9443", show_default=True, help="Health and metrics.")
@answers
def init(*, folder: Path, anchor: bool, **options: Any) -> Outcome:
    """Set up a new node in DIR: its configuration, its keys and its store. Nothing that exists is overwritten.

    What is not given is asked for in a terminal.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} exists already and is not empty; name a new folder.")
    if (options["certificate"] is None) != (options["key"] is None):
        raise click.UsageError("Give --certificate and --key together, or neither.")
    if options["client"] and not (options["roles"] and options["units"] and options["certificate"]):
        raise click.UsageError("--client needs a --role and a --unit, and the --certificate.")
    options = completed(options, anchor=anchor)
    _parsed(parse_entity_id, options["entity_id"], "--entity-id")
    target = folder.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        outcome = (_anchor if anchor else _node)(staging, target, options)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return outcome


def _node(staging: Path, target: Path, options: dict[str, Any]) -> Outcome:
    pinned, anchor_file = _pinned_anchor(options), None
    if pinned is not None:
        anchor_file = pin_file(options["anchor_entity"])
        (staging / anchor_file).parent.mkdir(mode=0o700)
        write_new(staging / anchor_file, strict_json.dumps(pinned.to_jwks()), "The anchor's keys", mode=0o600)
    text = _node_text(options, anchor_file)
    _furnish(staging, NODE_FILE, node_toml(text), options)
    client = first_client(staging, options) if options["client"] else None
    kids = [open_vault(staging / "keys").signer(KeyUse.FEDERATION).kid]
    return Outcome(
        lines=[
            f"A node for {text.name} ({text.entity_id}) is set up in {target}.",
            *([] if client is None else [f"The case system {client} is registered; its key is in {target / KEYS}."]),
            "",
            *([] if pinned is None else _compare(text.anchor_entity, sorted(pinned.kids))),
            *_next_steps(target, options, _NODE_STEPS),
        ],
        data={
            "directory": str(target),
            "config": str(target / NODE_FILE),
            "entity_id": text.entity_id,
            "federation_key_ids": kids,
            "anchor": pinned and {"entity_id": text.anchor_entity, "key_ids": sorted(pinned.kids)},
            "client": client,
        },
    )


def _node_text(options: dict[str, Any], anchor_file: Path | None) -> NodeText:
    host = options["entity_id"].removeprefix("https://").partition("/")[0]
    return NodeText(
        entity_id=options["entity_id"],
        name=options["name"],
        case_url=options["case_url"] or f"https://case.{host}",
        faces=_faces(options),
        anchor_entity=options["anchor_entity"],
        anchor_jwks=str(anchor_file) if anchor_file else None,
        ca=str(options["ca"].absolute()) if options["ca"] else None,
        services=tuple(_service(described) for described in options["service"]),
        tables=exceptions(options) + _tables(options["tables"]),
    )


def _compare(anchor: str | None, kids: list[str]) -> list[str]:
    return [
        f"It trusts the anchor {anchor}. Compare these thumbprints with the anchor's administrators by",
        "another channel, such as the telephone, before going on:",
        *fingerprints.lines(kids),
        "",
    ]


def _anchor(staging: Path, target: Path, options: dict[str, Any]) -> Outcome:
    given = [name for name in _NODE_ONLY if options[name]]
    if given:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        raise click.UsageError(f"A trust anchor has no {names}.")
    entity_id = options["entity_id"]
    _furnish(staging, ANCHOR_FILE, anchor_toml(entity_id, options["name"], _faces(options)), options)
    vault = open_vault(staging / "keys", needed=ANCHOR_KEYS)
    public = KeySet.of(KeyUse.FEDERATION, [vault.signer(KeyUse.FEDERATION).public])
    write_new(staging / ANCHOR_KEYS_FILE, strict_json.dumps(public.to_jwks()), "The public keys")
    kids = sorted(public.kids)
    return Outcome(
        lines=[
            f"A trust anchor {entity_id} is set up in {target}.",
            "",
            f"Members pin its public keys, which are in {target / ANCHOR_KEYS_FILE}, after comparing these thumbprints",
            "with you by another channel, such as the telephone:",
            *fingerprints.lines(kids),
            "",
            *_next_steps(target, options, _ANCHOR_STEPS),
        ],
        data={
            "directory": str(target),
            "config": str(target / ANCHOR_FILE),
            "entity_id": entity_id,
            "federation_key_ids": kids,
            "public_keys": str(target / ANCHOR_KEYS_FILE),
        },
    )


def _furnish(staging: Path, name: str, text: str, options: dict[str, Any]) -> None:
    """Fill the folder: configuration first, because it is what may be wrong; then keys and store."""
    write_new(staging / name, text.encode(), "The configuration", mode=0o600)
    _check(staging / name, certificate_later=options["certificate"] is None)
    (staging / "data").mkdir(mode=0o700)
    create_keys(staging / "keys", names=NODE_KEYS if name == NODE_FILE else ANCHOR_KEYS)
    store = tomllib.loads(text)["store"]["url"]
    migrate(store, base_dir=staging)


def _check(path: Path, *, certificate_later: bool) -> None:
    """Hold the new file to the rules of every configuration. Raises :class:`ConfigError`."""
    try:
        load(path, {})
    except ConfigError as refused:
        later = {f"{face}.{name}{_MISSING}" for face in ("peer", "case") for name in ("certificate", "key")}
        faults = [fault for fault in refused.faults if not (certificate_later and fault in later)]
        if faults:
            raise Refused("The configuration would not be valid, so nothing was made:", faults) from refused


def _faces(options: dict[str, Any]) -> FaceText:
    certificate, key = options["certificate"], options["key"]
    return FaceText(
        certificate=str(certificate.absolute()) if certificate else "tls/certificate.pem",
        key=str(key.absolute()) if key else "tls/key.pem",
        peer_bind=options["peer_bind"],
        case_bind=options["case_bind"],
        operations_bind=options["operations_bind"],
    )


def _pinned_anchor(options: dict[str, Any]) -> KeySet | None:
    if (options["anchor_entity"] is None) != (options["anchor_jwks"] is None):
        raise click.UsageError("Give --anchor-entity and --anchor-jwks together, or neither.")
    if options["anchor_entity"] is None:
        return None
    _parsed(parse_entity_id, options["anchor_entity"], "--anchor-entity")
    raw = read_input(options["anchor_jwks"], "The anchor's public keys")
    return KeySet.from_jwks(strict_json.loads(raw, max_bytes=len(raw)), KeyUse.FEDERATION)


def _service(described: str) -> ServiceText:
    parts = described.split(":")
    if len(parts) != 4 or not all(parts):  # noqa: PLR2004 - slug, kind, name, phone
        raise click.UsageError(f"--service is SLUG:KIND:NAME:PHONE, such as {_EXAMPLE}.")
    slug, kind, name, phone = parts
    _parsed(parse_slug, slug, "--service")
    return ServiceText(slug=slug, kind=kind, name=name, duty_phone=phone)


def _tables(path: Path | None) -> str:
    """Return the text of a file that holds tables only, so that it can stand after the others."""
    if path is None:
        return ""
    text = read_input(path, "The file of tables").decode("utf-8", errors="replace")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as malformed:
        raise Refused(f"{path} is not TOML: {malformed}") from malformed
    loose = sorted(name for name, value in document.items() if not isinstance(value, dict | list))
    if loose:
        raise Refused(f"{path} holds settings outside a table: {', '.join(loose)}. Put each into its table.")
    return text


def _parsed(parse: Any, text: str, option: str) -> None:  # noqa: ANN401 - any parser of trust.identifiers
    from trust.errors import TrustError

    try:
        parse(text)
    except TrustError as refused:
        raise click.UsageError(f"{option}: {refused.detail}") from refused


def _next_steps(target: Path, options: dict[str, Any], steps: tuple[str, ...]) -> list[str]:
    first = () if options["certificate"] else ("Put the certificate chain and its key into {dir}/tls.",)
    numbered = [step.format(dir=target) for step in (*first, *steps)]
    return ["What to do next:", *(f"  {number}. {step}" for number, step in enumerate(numbered, 1))]


_NODE_STEPS = (
    "Set up the adapter of each service in {dir}/node.toml; `hearthgate adapter check` says what is missing.",
    "Pin the trust anchor and ask to be admitted: hearthgate trust join URL --config {dir}/node.toml --wait",
    "Run it: hearthgate serve --config {dir}/node.toml, and look at it: hearthgate doctor --config {dir}/node.toml",
)
_ANCHOR_STEPS = (
    "Run it: hearthgate serve --config {dir}/anchor.toml",
    "Tell the agencies its address: hearthgate trust join ENTITY; read the thumbprints out to them by telephone.",
    "Admit each agency: hearthgate trust admit ENTITY --config {dir}/anchor.toml --thumbprint THUMBPRINT",
)
