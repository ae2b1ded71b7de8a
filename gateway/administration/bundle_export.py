"""Export signed statements into a file, for a node without a route to the anchor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.administration.context import now
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_overview import rough
from gateway.administration.files import write_new
from gateway.administration.outcome import UseCaseResult
from gateway.authority.suspension import EntryBytes
from gateway.federation.resolver import FederationResolver
from gateway.ports import Store, Transaction
from gateway.store.tables import anchor_keys, suspensions
from trust.errors import TrustError
from trust.federation.bundle import MAX_SUSPENSIONS, Bundle, build_bundle
from trust.identifiers import EntityId, parse_entity_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSource:
    """A node or an authority that has a route; ``known`` are the entities that it exports by default."""

    resolver: FederationResolver
    store: Store
    known: tuple[EntityId, ...]
    entry_bytes: EntryBytes


@dataclass(slots=True, kw_only=True)
class _Content:
    """The chains for the file, each with the date that it counts from, and the reasons for those left out."""

    chains: dict[EntityId, tuple[bytes, ...]] = field(default_factory=dict)
    made_at: dict[EntityId, datetime] = field(default_factory=dict)
    left_out: dict[EntityId, str] = field(default_factory=dict)


def export_bundle(source: ExportSource, file: Path, entities: Sequence[str]) -> UseCaseResult:
    """Write a new file with what the authorities state now of some entities, by default of all that are known here.

    Where an authority does not answer, the file has what is stored here. Raises :class:`OperationRefused`.
    """
    at, requested = now(), tuple(parse_entity_id(entity) for entity in entities)
    source.resolver.catch_up(now=at)
    content = _refresh(source, requested or source.known, at)
    if not content.chains:
        raise OperationRefused("There is nothing to write: no entity is vouched for.", _left_out(content))
    bundle = Bundle(
        anchor_keys=tuple(document.raw for document in source.store.read(anchor_keys.load)),
        chains=tuple(content.chains.values()),
        suspensions=_log(source),
    )
    write_new(file, build_bundle(bundle), "The bundle")
    return _result(file, content, bundle, at)


def _refresh(source: ExportSource, entities: Iterable[EntityId], at: datetime) -> _Content:
    """Refresh each chain, and add those of the intermediates above it: their logs are verified with their keys."""
    content, importer = _Content(), source.resolver.importer()
    for entity in dict.fromkeys(entities):
        try:
            line = (entity, *source.resolver.refresh(entity, now=at).superiors[:-1])
            refreshed = [(each, source.resolver.resolve(each, now=at).refreshed_at) for each in line]
        except TrustError as refused:
            content.left_out[entity] = refused.detail
            continue
        for each, made_at in refreshed:
            content.chains[each], content.made_at[each] = importer.statements(each, now=at), made_at
    return content


def _log(source: ExportSource) -> tuple[bytes, ...]:
    """Return the entries of every issuer, each issuer's in order."""

    def read(tx: Transaction) -> list[bytes]:
        return [
            source.entry_bytes(entry)
            for issuer in suspensions.highest(tx)
            for entry in suspensions.after(tx, issuer=issuer, seq=0, limit=MAX_SUSPENSIONS)
        ]

    return tuple(source.store.read(read))


def _result(file: Path, content: _Content, bundle: Bundle, at: datetime) -> UseCaseResult:
    lines = [f"{entity}: vouched for {rough(at - made_at)} ago" for entity, made_at in content.made_at.items()]
    lines += _left_out(content)
    logged, replaced = len(bundle.suspensions), len(bundle.anchor_keys)
    lines += [
        f"{file} holds {len(bundle.chains)} chains, {logged} entries of suspensions, {replaced} anchors' new keys.",
        f"Nothing in it is secret. Carry it over, and there: hearthgate trust bundle import {file.name}",
    ]
    return UseCaseResult(
        lines=lines,
        data={
            "file": str(file),
            "chains": [
                {"entity_id": entity, "made_at": made_at.isoformat()} for entity, made_at in content.made_at.items()
            ],
            "suspensions": len(bundle.suspensions),
            "anchor_keys": len(bundle.anchor_keys),
            "left_out": [{"entity_id": entity, "reason": why} for entity, why in content.left_out.items()],
        },
        ok=not content.left_out,
    )


def _left_out(content: _Content) -> list[str]:
    return [f"{entity}: left out: {why}" for entity, why in content.left_out.items()]
