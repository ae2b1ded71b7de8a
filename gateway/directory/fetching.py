"""Resolve one entity: ask the anchor, then the superior about it, and only then the entity itself.

In this order (OpenID Federation 1.0 section 10.1, turned round so that no unknown party is fetched from):

1. the anchor's entity configuration, kept for minutes, signed with a pinned key;
2. its statement about the entity, from the fetch endpoint that it names, at its own host;
3. that statement is verified, and is about this entity; else nothing more is fetched;
4. the entity's own configuration; where it cannot be had, or is older than the one held, the one held serves again;
5. the whole chain is verified.

A failure up to 3 leaves open what the superior says now (:class:`Unconfirmed`); afterwards, or where the superior
answers that it knows no such entity, trust has ended (:class:`NotVouchedFor`). Where an earlier chain is held less time
is spent, and an anchor that did not answer is left alone for a while, so that its absence costs known peers little.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from urllib.parse import urlencode

from gateway.ports import PeerAnswer, PeerRequest, Transport, TransportError
from trust import strict_json
from trust.errors import ChainRefused, NoChain, RolledBack, TrustError, UnknownKey, Untrusted
from trust.federation.chain import TrustedEntity, verify_anchor, verify_chain
from trust.federation.entity_statement import (
    MAX_BYTES,
    EntityConfiguration,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId
from trust.keys import KeySet

CONFIGURATION_PATH = "/.well-known/openid-federation"
STATEMENT_TYPE = "application/entity-statement+jwt"
FETCH_S = 5.0
RESOLVE_S = 8.0
"""Total time of a resolution; less than the profile's 15 s, so that a worker is free again within 10 s."""
AGAIN_S = 2.0
"""Total time of each fetch where an earlier chain is held, and half that of the resolution."""
_ANCHOR_LEFT_ALONE = timedelta(seconds=15)
_ANCHOR_KEPT = timedelta(minutes=5)
_ANCHOR_KEPT_AT_LEAST = timedelta(seconds=30)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_OK = 200
_NOT_FOUND = 404


class Unconfirmed(Untrusted):
    """The superior could not be asked, or its answer cannot be accepted; what it said before is all there is."""

    code = "unconfirmed"


class NotVouchedFor(NoChain):
    """The superior does not vouch for the entity as it presents itself now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A verified chain and its statements, leaf first."""

    entity: TrustedEntity
    statements: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Anchor:
    raw: bytes = field(repr=False)
    configuration: EntityConfiguration
    fetch_endpoint: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    fetch_s: float
    deadline: float

    @classmethod
    def beginning(cls, *, fetch_s: float = FETCH_S, resolve_s: float = RESOLVE_S) -> "_Limits":
        return cls(fetch_s=fetch_s, deadline=monotonic() + resolve_s)

    def next_s(self) -> float:
        """Return the time that the next fetch may take."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise TransportError("the time for resolving one entity was used up")
        return min(self.fetch_s, left)


class ChainFetcher:
    """Fetch and verify chains under the pinned anchors.

    ``own_configuration`` makes the node's own entity configuration, which is not fetched from itself.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        anchors: Mapping[EntityId, KeySet],
        own: EntityId,
        own_configuration: Callable[[datetime], bytes],
    ) -> None:
        self.anchors = dict(anchors)
        self._transport = transport
        self._own = own
        self._own_configuration = own_configuration
        self._lock = Lock()
        self._fetched: dict[EntityId, _Anchor] = {}
        self._silent_since: dict[EntityId, datetime] = {}

    def resolve(self, entity: EntityId, *, held: Sequence[bytes], now: datetime) -> Resolved:
        """Ask the anchors in turn; ``held`` are the statements of the chain verified last, if any.

        Raises :class:`Unconfirmed`, or :class:`NotVouchedFor` once every anchor has answered.
        """
        limits = _Limits.beginning(fetch_s=AGAIN_S, resolve_s=2 * AGAIN_S) if held else _Limits.beginning()
        unconfirmed: Unconfirmed | None = None
        refused: NotVouchedFor | None = None
        for anchor in self.anchors:
            try:
                return self._resolve_under(anchor, entity, held, now, limits)
            except Unconfirmed as failed:
                unconfirmed = failed
            except NotVouchedFor as failed:
                refused = failed
        raise unconfirmed or refused or NotVouchedFor("This node has no trust anchors.")

    def _resolve_under(
        self, anchor_id: EntityId, entity: EntityId, held: Sequence[bytes], now: datetime, limits: _Limits
    ) -> Resolved:
        if timedelta() <= now - self._silent_since.get(anchor_id, _LONG_AGO) < _ANCHOR_LEFT_ALONE:
            raise Unconfirmed(f"{anchor_id} did not answer a moment ago, and was not asked about {entity}.")
        try:
            anchor, about = self._vouching(anchor_id, entity, now, limits)  # 1 to 3
        except NotVouchedFor:
            raise
        except (TransportError, TrustError) as failed:
            if isinstance(failed, TransportError):
                self._silent_since[anchor_id] = now
            raise Unconfirmed(f"{anchor_id} could not be asked about {entity}: {failed}") from failed
        refused: TrustError = NoChain(f"{entity} does not answer with its entity configuration.")
        for own in self._configurations(entity, held, now, limits):  # 4
            statements = (own, about, anchor.raw)
            try:
                return Resolved(entity=verify_chain(statements, anchors=self.anchors, now=now), statements=statements)
            except TrustError as failed:  # 5
                refused = failed
        raise NotVouchedFor(f"{entity} is not as its superior vouches for it: {refused.detail}") from refused

    def _vouching(self, anchor_id: EntityId, entity: EntityId, now: datetime, limits: _Limits) -> tuple[_Anchor, bytes]:
        anchor = self._anchor(anchor_id, now, limits, kept_for=_ANCHOR_KEPT)
        about = self._ask(anchor, entity, limits)
        try:
            self._check(about, anchor, entity, now)
        except UnknownKey:
            anchor = self._anchor(anchor_id, now, limits, kept_for=_ANCHOR_KEPT_AT_LEAST)
            self._check(about, anchor, entity, now)
        return anchor, about

    def _ask(self, anchor: _Anchor, entity: EntityId, limits: _Limits) -> bytes:
        answer = self._get(f"{anchor.fetch_endpoint}?{urlencode({'sub': entity})}", limits)
        if answer.status == _NOT_FOUND and _error(answer) == "not_found":
            raise NotVouchedFor(f"{anchor.configuration.entity_id} does not vouch for {entity}.")
        return _statement(answer)

    def _check(self, about: bytes, anchor: _Anchor, entity: EntityId, now: datetime) -> None:
        vouched = parse_subordinate_statement(about, superior_keys=anchor.configuration.keys, now=now)
        if (vouched.issuer, vouched.subject) != (anchor.configuration.entity_id, entity):
            raise ChainRefused("The superior answered with a statement of or about somebody else.")

    def _anchor(self, anchor_id: EntityId, now: datetime, limits: _Limits, *, kept_for: timedelta) -> _Anchor:
        with self._lock:
            kept = self._fetched.get(anchor_id)
        if kept is not None and timedelta() <= now - kept.fetched_at < kept_for:
            return kept
        raw = _statement(self._get(anchor_id + CONFIGURATION_PATH, limits))
        configuration = verify_anchor(raw, anchors=self.anchors, now=now)
        if configuration.entity_id != anchor_id:
            raise ChainRefused("The anchor answered with the entity configuration of another.")
        if kept is not None and configuration.issued_at < kept.configuration.issued_at:
            raise RolledBack("The anchor's entity configuration is older than one already accepted.")
        member = parse_federation_entity(configuration.metadata.get(FEDERATION_ENTITY, {}), entity=anchor_id)
        if member.fetch_endpoint is None:
            raise ChainRefused("The anchor names no fetch endpoint.")
        fetched = _Anchor(raw=raw, configuration=configuration, fetch_endpoint=member.fetch_endpoint, fetched_at=now)
        with self._lock:
            self._fetched[anchor_id] = fetched
        return fetched

    def _configurations(
        self, entity: EntityId, held: Sequence[bytes], now: datetime, limits: _Limits
    ) -> Sequence[bytes]:
        """Return what the entity says of itself, the newest first."""
        if entity == self._own:
            return [self._own_configuration(now)]
        earlier = held[0] if held else None
        try:
            fetched = _statement(self._get(entity + CONFIGURATION_PATH, limits))
            issued_at = parse_entity_configuration(fetched, now=now).issued_at
        except (TransportError, TrustError):
            return [] if earlier is None else [earlier]
        if earlier is None:
            return [fetched]
        return [earlier] if issued_at < _issued_at(earlier, now) else [fetched, earlier]

    def _get(self, url: str, limits: _Limits) -> PeerAnswer:
        return self._transport.send(
            PeerRequest(
                method="GET",
                url=url,
                headers={},
                body=b"",
                accept=STATEMENT_TYPE,
                max_bytes=MAX_BYTES,
                timeout_s=limits.next_s(),
            )
        )


def _issued_at(raw: bytes, now: datetime) -> datetime:
    """Return when a held configuration was made; one that no longer stands is older than any."""
    try:
        return parse_entity_configuration(raw, now=now).issued_at
    except TrustError:
        return _LONG_AGO


def _statement(answer: PeerAnswer) -> bytes:
    if answer.status != _OK:
        raise TransportError(f"the answer was {answer.status} and not a statement")
    return answer.body


def _error(answer: PeerAnswer) -> object:
    """Return the error code of OpenID Federation 1.0 section 8.9, or nothing where the answer is not such an error."""
    if answer.content_type != "application/json":
        return None
    try:
        return strict_json.loads(answer.body, max_bytes=MAX_BYTES).get("error")
    except TrustError:
        return None
