"""Refresh one entity that is known: ask the superior that vouched for it last, and only then the entity itself.

In this order (OpenID Federation 1.0 section 10.1, turned round so that no unknown party is fetched from):

1. the superior, with a valid chain of its own: an anchor's configuration is kept for minutes, an intermediate is an
   entry of the directory like any other, and serves all that stand below it;
2. its statement about the entity, from the fetch endpoint that it names, at its own host;
3. that statement is verified, and is about this entity; else nothing more is fetched;
4. the entity's own configuration; where it cannot be had, or is older than the one held, the one held serves again;
5. the whole chain is verified.

A failure up to 3 leaves open what the superior says now (:class:`Unconfirmed`); afterwards, or where the superior
answers that it knows no such entity, trust has ended (:class:`NotVouchedFor`). An entity that has moved below another
superior is found again as a stranger is (:mod:`gateway.federation.discovery`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from gateway.federation.anchors import Superior
from gateway.federation.chain_store import ChainStore, VerifiedChain
from gateway.federation.fetch import Fetcher, NotVouchedFor, Unconfirmed
from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.limits import FetchBudget
from gateway.federation.storage import StatementKey
from gateway.federation.suspensions import Suspended
from gateway.ports import TransportError
from trust.error_context import about_statement, section
from trust.errors import ChainRefused, NoChain, TrustError, UnknownKey
from trust.federation.entity_statement import (
    SubordinateStatement,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.identifiers import EntityId

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class SuperiorOf(Protocol):
    """Return an entity with a valid chain, so that it may be asked about others; ``again`` where its keys changed.

    Raises ``TransportError``, and ``TrustError``: :class:`NotVouchedFor` where nobody vouches for it any more.
    """

    def __call__(self, entity: EntityId, limits: FetchBudget, *, now: datetime, again: bool = False) -> Superior:
        """Return it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshedChain:
    """A verified chain, and when those of its statements were made that were fetched for it."""

    held: VerifiedChain
    made: Mapping[StatementKey, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRefresher:
    """Resolve under a superior. What is found is neither stored nor remembered here."""

    fetcher: Fetcher
    chains: ChainStore
    superior_of: SuperiorOf

    def refresh(self, held: VerifiedChain, limits: FetchBudget, *, now: datetime, due: bool = True) -> RefreshedChain:
        """Ask the superior about an entity that is known. Unless ``due``, only what stands above it is renewed.

        Raises :class:`Unconfirmed`, :class:`NotVouchedFor` and what else ends trust in the superior.
        """
        try:
            superior = self.superior_of(held.superior, limits, now=now)
        except NotVouchedFor as ended:
            raise NotVouchedFor(f"Nobody vouches any more for {held.superior}, above {held.entity}.") from ended
        except Suspended:
            raise
        except (TransportError, TrustError) as failed:
            raise Unconfirmed(f"{held.superior} could not be asked about {held.entity}: {failed}") from failed
        if due or now - held.stored.superior_iat >= REFRESH_AFTER:
            superior, about = self._vouched(superior, held.entity, limits, now)
            said = self._configurations(held.entity, held.statements[0], limits, now)  # 4
            return self._chained(held.entity, said, about, superior, now)
        return self._chained(held.entity, held.statements[:1], held.statements[1], superior, now)

    def _vouched(
        self, superior: Superior, entity: EntityId, limits: FetchBudget, now: datetime
    ) -> tuple[Superior, bytes]:
        try:
            return self._vouching(superior, entity, limits, now)
        except NotVouchedFor:
            raise
        except (TransportError, TrustError) as failed:
            raise Unconfirmed(f"{superior.entity} could not be asked about {entity}: {failed}") from failed

    def _vouching(
        self, superior: Superior, entity: EntityId, limits: FetchBudget, now: datetime
    ) -> tuple[Superior, bytes]:
        endpoint = superior.fetch_endpoint
        about = self.fetcher.statement(superior.entity, endpoint, entity, limits, now=now)  # 2
        try:
            _check(about, superior, entity, now)  # 3
        except UnknownKey:
            superior = self.superior_of(superior.entity, limits, now=now, again=True)
            _check(about, superior, entity, now)
        return superior, about

    def _configurations(
        self, entity: EntityId, earlier: bytes | None, limits: FetchBudget, now: datetime
    ) -> Sequence[bytes]:
        """Return what the entity says of itself, the newest first."""
        try:
            fetched = self.fetcher.configuration(entity, limits, now=now)
            issued_at = parse_entity_configuration(fetched, now=now).issued_at
        except (TransportError, TrustError):
            return [] if earlier is None else [earlier]
        if earlier is None or entity == self.fetcher.own:
            return [fetched]
        return [earlier] if issued_at < _issued_at(earlier, now) else [fetched, earlier]

    def _chained(
        self, entity: EntityId, own: Sequence[bytes], about: bytes, superior: Superior, now: datetime
    ) -> RefreshedChain:
        refused: TrustError = NoChain(f"{entity} does not answer with its entity configuration.")
        for each in own:
            try:
                return chained((each, about, *superior.upper), self.chains, now=now)
            except TrustError as failed:
                refused = failed
        ended = NotVouchedFor(f"{entity} is not as its superior vouches for it: {refused.detail}")
        ended.statement, ended.rule = refused.statement, refused.rule
        raise ended from refused


def chained(statements: Sequence[bytes], chains: ChainStore, *, now: datetime) -> RefreshedChain:
    """Verify statements that form a chain (5). Raises ``TrustError``."""
    held = chains.verified(statements, now=now)
    configured = parse_entity_configuration(statements[0], now=now).issued_at
    made = {(held.superior, held.entity): held.stored.superior_iat, (held.entity, held.entity): configured}
    return RefreshedChain(held=held, made=made)


def _check(about: bytes, superior: Superior, entity: EntityId, now: datetime) -> SubordinateStatement:
    vouched = parse_subordinate_statement(about, superior_keys=superior.keys, now=now)
    if (vouched.issuer, vouched.subject) != (superior.entity, entity):
        with about_statement(vouched.name, section("8.1")):
            raise ChainRefused(f"{superior.entity} answered with it when it was asked about {entity}.")
    return vouched


def _issued_at(raw: bytes, now: datetime) -> datetime:
    """Return when a held configuration was made; one that no longer stands is older than any."""
    try:
        return parse_entity_configuration(raw, now=now).issued_at
    except TrustError:
        return _LONG_AGO
