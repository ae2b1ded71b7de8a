"""Refresh a known entity: ask its last superior, and only then the entity itself.

In this order (OpenID Federation 1.0 section 10.1, turned round so that no unknown party is fetched from):

1. the superior, with a valid chain of its own: an anchor's configuration is cached for minutes, an intermediate has a
   chain like any other entity, which serves all that stand below it;
2. its statement about the entity, from the fetch endpoint that it names, at its own host;
3. that statement is verified, and is about this entity; else nothing more is fetched;
4. the entity's own configuration; where it cannot be had, or is older than the cached one, the cached one is used;
5. the links of the whole chain are checked.

A failure up to 3 leaves open what the superior says now (:class:`Unconfirmed`); afterwards, or where the superior
answers that it knows no such entity, trust has ended (:class:`NotVouchedFor`). An entity that has moved below another
superior is discovered again (:mod:`gateway.federation.discovery`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.federation.chain_store import ChainStore, VerifiedChain
from gateway.federation.fetch import Fetcher, NotVouchedFor, Unconfirmed
from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.limits import FetchBudget
from gateway.federation.storage import IssuedAt
from gateway.federation.suspensions import Suspended
from gateway.ports import TransportError
from trust.errors import NoChain, TrustError, UnknownKey
from trust.federation.chain import Resolution, Superior, TrustChain
from trust.federation.entity_statement import EntityConfiguration, SubordinateStatement, parse_entity_configuration
from trust.identifiers import EntityId

AuthorityOf = Callable[[EntityId, FetchBudget, datetime], Superior]
"""Return an entity with a valid chain, as the superior of others.

Raises ``TransportError``, and ``TrustError``: :class:`NotVouchedFor` where no superior vouches for it any more.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshedChain:
    """A verified chain, and the ``iat`` of those of its statements that were fetched for it."""

    chain: VerifiedChain
    issued_at: IssuedAt


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRefresher:
    """Refreshes one chain; stores and caches nothing. ``refetched_authority`` is for where a key was not known."""

    fetcher: Fetcher
    chains: ChainStore
    authority: AuthorityOf
    refetched_authority: AuthorityOf

    def refresh(self, cached: VerifiedChain, budget: FetchBudget, *, now: datetime, due: bool = True) -> RefreshedChain:
        """Ask the superior about a known entity. Unless ``due``, only the part of the chain above it is renewed.

        Raises :class:`Unconfirmed`, :class:`NotVouchedFor` and what else ends trust in the superior.
        """
        entity, superior = cached.entity, cached.superior
        try:
            authority = self.authority(superior, budget, now)
        except NotVouchedFor as ended:
            raise NotVouchedFor(f"No authority vouches any more for {superior}, above {entity}.") from ended
        except Suspended:
            raise
        except (TransportError, TrustError) as failed:
            raise Unconfirmed(f"{superior} could not be asked about {entity}: {failed}") from failed
        if due or now - cached.stored.superior_iat >= REFRESH_AFTER:
            authority, about = self._fetch_statement(authority, entity, budget, now)
            own = self._fetch_configuration(cached.chain.subject, budget, now)  # 4
        else:
            about, own = cached.chain.superiors[0], (cached.chain.subject,)
        return self._link(entity, [authority.chain_of(each, about) for each in own], cached.resolution, now)

    def _fetch_statement(
        self, authority: Superior, entity: EntityId, budget: FetchBudget, now: datetime
    ) -> tuple[Superior, SubordinateStatement]:
        try:
            raw = self.fetcher.statement(authority.entity, authority.fetch_endpoint(), entity, budget, now=now)  # 2
            try:
                return authority, authority.open_statement(raw, about=entity, now=now)  # 3
            except UnknownKey:
                authority = self.refetched_authority(authority.entity, budget, now)
                return authority, authority.open_statement(raw, about=entity, now=now)
        except NotVouchedFor:
            raise
        except (TransportError, TrustError) as failed:
            raise Unconfirmed(f"{authority.entity} could not be asked about {entity}: {failed}") from failed

    def _fetch_configuration(
        self, cached: EntityConfiguration, budget: FetchBudget, now: datetime
    ) -> Sequence[EntityConfiguration]:
        """Return the entity configurations that may be used, the latest first."""
        try:
            raw = self.fetcher.configuration(cached.entity_id, budget, now=now)
            fetched = parse_entity_configuration(raw, now=now)
        except (TransportError, TrustError):
            return (cached,)
        if cached.entity_id == self.fetcher.own:
            return (fetched,)
        return (cached,) if fetched.issued_at < cached.issued_at and _is_valid(cached, now) else (fetched, cached)

    def _link(
        self, entity: EntityId, chains: Sequence[TrustChain], earlier: Resolution, now: datetime
    ) -> RefreshedChain:
        """Return the first chain whose links are valid (5)."""
        refused: TrustError = NoChain(f"{entity} does not answer with its entity configuration.")
        for chain in chains:
            try:
                return refreshed(self.chains.verify(chain, now=now, earlier=earlier))
            except TrustError as failed:
                refused = failed
        ended = NotVouchedFor(f"{entity} is not as its superior vouches for it: {refused.detail}")
        ended.statement, ended.rule = refused.statement, refused.rule
        raise ended from refused


def _is_valid(cached: EntityConfiguration, now: datetime) -> bool:
    """Return whether a cached configuration may be used; it may have expired, or the clock been put back."""
    try:
        cached.refuse_expired(now)
    except TrustError:
        return False
    return True


def refreshed(verified: VerifiedChain) -> RefreshedChain:
    """Return a chain whose lowest two statements were fetched for it."""
    entity, chain = verified.entity, verified.chain
    issued_at = {(verified.superior, entity): chain.superiors[0].issued_at, (entity, entity): chain.subject.issued_at}
    return RefreshedChain(chain=verified, issued_at=issued_at)
