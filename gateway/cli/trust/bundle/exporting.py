"""``hearthgate trust bundle export``: what is vouched for today, in a file for a node without a route to the anchor."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click

from config.settings import AnchorSettings, NodeSettings
from gateway.administration.context import now
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_overview import rough
from gateway.administration.files import write_new
from gateway.administration.outcome import UseCaseResult
from gateway.app.authority import create_anchor
from gateway.app.commands import federation_of
from gateway.authority.suspension import EntryBytes, signed_today
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output
from gateway.federation.resolver import FederationResolver
from gateway.ports import Store, Transaction
from gateway.store.tables import anchor_keys, members, suspensions
from trust.errors import TrustError
from trust.federation.bundle import MAX_SUSPENSIONS, Bundle, build_bundle
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId, parse_entity_id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Knowing:
    """A node or an authority that has a route: ``everybody`` is whom it writes about unless it is told."""

    directory: FederationResolver
    store: Store
    everybody: tuple[EntityId, ...]
    entry_bytes: EntryBytes


@dataclass(slots=True, kw_only=True)
class _Found:
    """What goes into the file: each chain with the date that it counts from, and why others are left out."""

    chains: dict[EntityId, tuple[bytes, ...]] = field(default_factory=dict)
    made_at: dict[EntityId, datetime] = field(default_factory=dict)
    left_out: dict[EntityId, str] = field(default_factory=dict)


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("entities", metavar="[ENTITY]...", nargs=-1)
@config_option
@command_output
def export_bundle(*, file: Path, entities: tuple[str, ...], config: Path | None) -> UseCaseResult:
    """Write into FILE, a new one, what the authorities say now of each ENTITY, by default of all that are known here.

    Every statement in it is signed and public. Where an authority does not answer, what is held goes into the file.
    Carry it soon: it is as old as its statements.
    """
    settings, at = load_settings(config), now()
    named = tuple(parse_entity_id(entity) for entity in entities)
    with _knowing(settings, at) as knowing:
        knowing.directory.catch_up(now=at)
        found = _asked(knowing, named or knowing.everybody, at)
        if not found.chains:
            raise OperationRefused(
                "There is nothing to write: nobody is vouched for.", _left_out(found.left_out.items())
            )
        bundle = Bundle(
            anchor_keys=tuple(document.raw for document in knowing.store.read(anchor_keys.load)),
            chains=tuple(found.chains.values()),
            suspensions=_log(knowing),
        )
    write_new(file, build_bundle(bundle), "The bundle")
    return _outcome(file, found, bundle, at)


@contextmanager
def _knowing(settings: NodeSettings | AnchorSettings, at: datetime) -> Iterator[_Knowing]:
    if isinstance(settings, NodeSettings):
        with federation_of(settings) as federation:
            known = (standing.entity for standing in federation.directory.statuses(now=at))
            yield _Knowing(
                directory=federation.directory,
                store=federation.store,
                everybody=tuple(dict.fromkeys((federation.own, *known))),
                entry_bytes=lambda entry: entry.raw,
            )
        return
    authority = create_anchor(settings)
    try:
        every = authority.store.read(members.list)
        yield _Knowing(
            directory=authority.directory,
            store=authority.store,
            everybody=tuple(EntityId(each.entity) for each in every if each.state == SuspensionState.ACTIVE),
            entry_bytes=signed_today(authority.authority.entity_id, authority.vault),
        )
    finally:
        authority.store.close()


def _asked(knowing: _Knowing, entities: Iterable[EntityId], at: datetime) -> _Found:
    """Ask anew about each, and put the intermediates above it beside it: their logs are verified with their keys."""
    found, importer = _Found(), knowing.directory.importer()
    for entity in dict.fromkeys(entities):
        try:
            line = (entity, *knowing.directory.refresh(entity, now=at).superiors[:-1])
            refreshed = [(each, knowing.directory.resolve(each, now=at).refreshed_at) for each in line]
        except TrustError as refused:
            found.left_out[entity] = refused.detail
            continue
        for each, made_at in refreshed:
            found.chains[each], found.made_at[each] = importer.statements(each, now=at), made_at
    return found


def _log(knowing: _Knowing) -> tuple[bytes, ...]:
    """Return the entries of every issuer, each issuer's in their order."""

    def read(tx: Transaction) -> list[bytes]:
        return [
            knowing.entry_bytes(entry)
            for issuer in suspensions.highest(tx)
            for entry in suspensions.after(tx, issuer=issuer, seq=0, limit=MAX_SUSPENSIONS)
        ]

    return tuple(knowing.store.read(read))


def _outcome(file: Path, found: _Found, bundle: Bundle, at: datetime) -> UseCaseResult:
    lines = [f"{entity}: vouched for {rough(at - made)} ago" for entity, made in found.made_at.items()]
    lines += _left_out(found.left_out.items())
    logged, replaced = len(bundle.suspensions), len(bundle.anchor_keys)
    lines += [
        f"{file} holds {len(bundle.chains)} chains, {logged} entries of suspensions, {replaced} anchors' new keys.",
        f"Nothing in it is secret. Carry it over, and there: hearthgate trust bundle import {file.name}",
    ]
    return UseCaseResult(
        lines=lines,
        data={
            "file": str(file),
            "chains": [{"entity_id": entity, "made_at": made.isoformat()} for entity, made in found.made_at.items()],
            "suspensions": len(bundle.suspensions),
            "anchor_keys": len(bundle.anchor_keys),
            "left_out": [{"entity_id": entity, "reason": why} for entity, why in found.left_out.items()],
        },
        ok=not found.left_out,
    )


def _left_out(every: Iterable[tuple[EntityId, str]]) -> list[str]:
    return [f"{entity}: left out: {why}" for entity, why in every]
