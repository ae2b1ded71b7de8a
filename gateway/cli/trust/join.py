"""``hearthgate trust join``: pin the anchor above an authority, and ask that authority to vouch for this agency."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode

import click

from config.settings import AnchorSettings
from gateway.administration import thumbprints
from gateway.administration.anchor_discovery import Line, fetch, lines_above, pin_of
from gateway.administration.context import Settings, identity, now
from gateway.administration.enrolment_requests import build_request, send_request, vault_of
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.administration.setup.config_edits import pin_file, replace, with_pin, with_superior
from gateway.app.commands import enrolment_ports
from gateway.app.wiring import peer_transport
from gateway.cli.context import config_option, config_path, load_settings
from gateway.cli.output import command_output, confirm, prompt_thumbprint, show_plan, yes_option
from gateway.ports import Transport, TransportError
from trust.errors import TrustError
from trust.federation.anchor_keys import Pin, build_pin, parse_pin
from trust.federation.entity_statement import parse_subordinate_statement
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeyUse

_AGAIN_S = 2.0
_OK = 200


@click.command()
@click.argument("url", metavar="URL")
@config_option
@click.option("--anchor", help="The trust anchor to pin, where several stand above the authority.")
@click.option("--thumbprint", "thumbprints", multiple=True, help="As the anchor's administrators read it out to you.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the request to this file instead.")
@click.option("--wait", is_flag=True, help="Wait until the authority vouches for this agency.")
@click.option("--minutes", type=click.IntRange(min=1), default=60, show_default=True, help="How long to wait.")
@yes_option
@command_output
def join(*, url: str, config: Path | None, thumbprints: tuple[str, ...], **options: Any) -> UseCaseResult:
    """Join the federation of the authority at URL: a trust anchor, or an intermediate under one.

    An agency joins, or an authority that is to stand under another.

    Ring the anchor's administrators on a number that you have from elsewhere. They read out their thumbprints, which
    you type here: that is what is pinned. Then read yours out to the administrators of the authority at URL, who type
    it into `hearthgate trust admit`.
    """
    settings, path = _below_others(load_settings(config)), config_path(config)
    authority, out = parse_entity_id(url), options["out"]
    if out is not None and options["wait"]:
        raise click.UsageError("Give --wait or --out: a request in a file is not on its way yet.")
    transport = peer_transport(settings)
    line, pin = None, _first_pin(settings)
    if out is None or pin is None:
        line = _chosen(lines_above(transport, authority, now=now()), authority, options["anchor"])
        pin = _compared(settings, transport, line, thumbprints)
    request, kids = _request(settings, now())
    text = _changed(settings, path, authority, pin)
    show_plan(*_effects(settings, authority, line, pin), _on_its_way(settings, authority, out))
    confirm("Join it?", yes=options["yes"])
    record(settings, "trust join", authority=authority, anchor=pin.entity, key_ids=_kids(pin))
    if out is not None:
        write_new(out, request, "The request")
    else:
        send_request(transport, authority, request, at=now())
    try:
        _keep(settings, path, text, pin)
    except (OperationRefused, OSError) as failed:
        done = f"The request is in {out}" if out is not None else f"{authority} has the request"
        raise OperationRefused(
            f"{done}, and the anchor is not pinned here yet: {failed}. Make that file and its folder writable, then "
            "run the same command again; a request that is sent twice counts once."
        ) from failed
    show_plan(*_read_out(authority, kids, out))
    if options["wait"] and line is not None:
        _wait(transport, settings, line, timedelta(minutes=options["minutes"]))
    return _outcome(settings, authority, pin, {"waited": options["wait"], "thumbprints": kids, "out": out})


def _first_pin(settings: Settings) -> Pin | None:
    """Return a pin that came as a file: with one, a request is written for a route that this machine does not have."""
    return _held(settings, EntityId(settings.trust.anchors[0].entity_id)) if settings.trust.anchors else None


def _chosen(lines: tuple[Line, ...], authority: EntityId, anchor: str | None) -> Line:
    """Return the line to the anchor that was named, or to the only one. Raises :class:`OperationRefused`."""
    found = [line for line in lines if anchor in {None, line.anchor.entity_id}]
    if len(found) == 1:
        return found[0]
    if not lines:
        raise OperationRefused(
            f"No trust anchor was reached above {authority}; ask its administrators who vouches for it."
        )
    names = ", ".join(line.anchor.entity_id for line in lines)
    raise OperationRefused(f"Say with --anchor which trust anchor to pin; above {authority} there are: {names}")


def _compared(settings: Settings, transport: Transport, line: Line, given: tuple[str, ...]) -> Pin:
    """Return the anchor's pin once its thumbprints were typed in, or as pinned before. Raises ``OperationRefused``."""
    held = _held(settings, line.anchor.entity_id)
    if held is not None and line.anchor.signed_with in held.keys.kids:
        return held
    pin = pin_of(transport, line.anchor)
    read_out = given or prompt_thumbprint(pin.entity)
    # Nothing of it is shown before, so that nobody can copy it from there.
    if not thumbprints.compare(read_out, _kids(pin)):
        raise OperationRefused(
            f"What you typed is not what {pin.entity} shows over the network. If it is what its administrators read "
            "out to you, somebody else answers at that address: nothing was pinned; tell them."
        )
    return pin


def _held(settings: Settings, anchor: EntityId) -> Pin | None:
    for pinned in settings.trust.anchors:
        if pinned.entity_id == anchor:
            return parse_pin((settings.base_dir / pinned.jwks).read_bytes(), anchor)
    return None


def _kids(pin: Pin) -> list[str]:
    return sorted(pin.keys.kids) + (sorted(pin.recovery.kids) if pin.recovery else [])


def _effects(settings: Settings, authority: EntityId, line: Line | None, pin: Pin) -> list[str]:
    held = _held(settings, pin.entity) == pin
    verb = "it is pinned already" if held else "it will be pinned"
    lines = [f"The trust anchor is {pin.entity}; {verb} with these keys:", *thumbprints.lines(_kids(pin))]
    if not pin.recovery:
        lines.append("It has no recovery key: should its key be lost or stolen, every node pins the next one by hand.")
    if line is not None and authority != pin.entity:
        below = ", ".join(member.entity_id for member in reversed(line.members[:-1]))
        lines.append(f"Under it stand, as they say of themselves: {below}.")
    return lines


def _on_its_way(settings: Settings, authority: EntityId, out: Path | None) -> str:
    how = f"to {authority}" if out is None else f"to the file {out}, for {authority}"
    return f"A request to vouch for {identity(settings).entity_id} goes {how}. Nothing in it is secret."


def _request(settings: Settings, made_at: datetime) -> tuple[bytes, list[str]]:
    vault = vault_of(settings)
    keys = vault.published(KeyUse.FEDERATION)
    return build_request(settings, enrolment_ports(settings), vault, keys, at=made_at), sorted(keys.kids)


def _pin_file(settings: Settings, anchor: EntityId) -> Path:
    """Return where the pin of an anchor is, or will be."""
    named = {pinned.entity_id: pinned.jwks for pinned in settings.trust.anchors}
    return named.get(anchor, pin_file(anchor))


def _changed(settings: Settings, path: Path, authority: EntityId, pin: Pin) -> str:
    """Return the configuration with the anchor pinned and the authority named. Raises :class:`OperationRefused`."""
    text = with_pin(path.read_text(encoding="utf-8"), pin.entity, str(_pin_file(settings, pin.entity)))
    named = identity(settings).superiors
    if authority == pin.entity and not named:
        return text  # where none is named, the pinned anchors are the superiors
    earlier = named or tuple(pinned.entity_id for pinned in settings.trust.anchors)
    for superior in (*earlier, authority):
        text = with_superior(text, settings.role, superior)
    return text


def _below_others(settings: Settings) -> Settings:
    """Return the settings of a node or an intermediate. Raises :class:`OperationRefused` for a trust anchor's."""
    if isinstance(settings, AnchorSettings) and not settings.anchor.superiors:
        raise OperationRefused(
            "A trust anchor stands under nobody, and those who pinned it rely on that. To vouch under another "
            "authority, set up an intermediate: hearthgate trust anchor init DIR --superior URL"
        )
    return settings


def _keep(settings: Settings, path: Path, text: str, pin: Pin) -> None:
    """Write the pin's file, then the configuration that names it: each whole or not at all."""
    file = settings.base_dir / _pin_file(settings, pin.entity)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    replace(file, build_pin(pin))
    if text != path.read_text(encoding="utf-8"):
        replace(path, text.encode("utf-8"))


def _read_out(authority: EntityId, kids: list[str], out: Path | None) -> list[str]:
    how = "Send the file to them. " if out is not None else ""
    return [
        f"{how}Ring the administrators of {authority}, on a number that you have from elsewhere, and read out the",
        "thumbprint of your federation key; they type it into `hearthgate trust admit`:",
        *thumbprints.lines(kids),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    url: str
    line: Line
    own: EntityId


def _wait(transport: Transport, settings: Settings, line: Line, most: timedelta) -> None:
    """Poll the authority until it vouches for this agency. Raises ``OperationRefused`` when time is up."""
    own, authority = EntityId(identity(settings).entity_id), line.authority
    entity = parse_federation_entity(authority.metadata.get(FEDERATION_ENTITY, {}), entity=authority.entity_id)
    if entity.fetch_endpoint is None:
        raise OperationRefused(f"{authority.entity_id} names no fetch endpoint, so it vouches for nobody.")
    show_plan(f"Waiting for {authority.entity_id} to vouch for {own} ...")
    end = monotonic() + most.total_seconds()
    while monotonic() < end:
        if _vouches(transport, _Asked(url=f"{entity.fetch_endpoint}?{urlencode({'sub': own})}", line=line, own=own)):
            return
        sleep(_AGAIN_S)
    raise OperationRefused(
        f"{authority.entity_id} does not vouch for {own} yet. The request stands; `hearthgate trust check {own}` says "
        "when it does."
    )


def _vouches(transport: Transport, asked: _Asked) -> bool:
    try:
        answer = fetch(transport, asked.url)
        if answer.status != _OK:
            return False
        vouched = parse_subordinate_statement(answer.body, superior_keys=asked.line.authority.keys, now=now())
    except (TransportError, TrustError):
        return False
    return (vouched.issuer, vouched.subject) == (asked.line.authority.entity_id, asked.own)


def _outcome(settings: Settings, authority: EntityId, pin: Pin, found: dict[str, Any]) -> UseCaseResult:
    own, out = identity(settings).entity_id, found["out"]
    if found["waited"]:
        said = f"{authority} vouches for {own}."
    else:
        said = f"{authority} was asked to vouch for {own}." if out is None else f"The request is in {out}."
    return UseCaseResult(
        lines=[
            said,
            f"The trust anchor {pin.entity} is pinned in {settings.base_dir / _pin_file(settings, pin.entity)}.",
            "What is running reads that when it is started anew: hearthgate serve",
        ],
        data={
            "entity_id": own,
            "authority": authority,
            "anchor": {"entity_id": pin.entity, "key_ids": _kids(pin)},
            "vouched_for": found["waited"],
            "thumbprints": found["thumbprints"],
            "request": str(out) if out else None,
        },
    )
