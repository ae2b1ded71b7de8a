"""Ports of the gateway, and the few values that cross them.

Each port has one implementation that production uses, named only in :mod:`gateway.app.node`. Tests use the same ones,
or real implementations in memory that keep the same promises; none is mocked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from trust.exchange.batch import BatchRefusal
from trust.federation.chain import Resolution, TrustedEntity
from trust.federation.historical_keys import HistoricalKey
from trust.federation.key_revocation import RevokedKey
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer
from trust.oauth.access_token import Position
from trust.oauth.authorization_details import AuthorizationDetail

T = TypeVar("T")


class Clock(Protocol):
    """The time, once per message."""

    def now(self) -> datetime:
        """Return the current time in UTC, timezone-aware."""
        ...


class Transaction(Protocol):
    """One atomic unit of work on the store; the functions of ``gateway.store`` modules take it first."""

    def run(self, statement: Any, parameters: Mapping[str, Any]) -> int:  # noqa: ANN401 - the store's own type
        """Run a writing statement and return the number of rows it touched."""
        ...

    def rows(self, statement: Any, parameters: Mapping[str, Any]) -> Sequence[Any]:  # noqa: ANN401 - the same
        """Run a statement that returns rows and return all of them; each row has its columns as attributes."""
        ...


class StoreFull(Exception):
    """The store is above its watermark or its disk is full; nothing was written."""


class StoreBusy(Exception):
    """The store could not take the work within its time limit; nothing was written."""


class StoreOutcomeUnknown(Exception):
    """The store cannot tell whether the work is durable, which only its id can resolve.

    It is there as a whole or not at all, and may be on one machine only. A caller acknowledges nothing and repeats the
    whole exchange under the same id; the claim on that id resolves it.
    """


class NodeBusy(Exception):
    """The node asks as many questions as it can already; nothing was begun."""


class Store(Protocol):
    """The node's own durable memory."""

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one durable transaction and return its value once the commit is on disk.

        ``work`` may run more than once, after a lost race or a rolled-back group, so it has no effect but on the
        transaction. An exception from ``work`` rolls back its effects only, and is raised to the caller.
        What ``work`` read is durable too, also where it wrote nothing.
        Raises :class:`StoreFull`, :class:`StoreBusy`, :class:`StoreOutcomeUnknown`.
        """
        ...

    def is_nearly_full(self) -> bool:
        """Say whether the disk comes close to the watermark, so that only what is urgent should be taken."""
        ...

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on a consistent snapshot; it must not write.

        It may see a commit that was never confirmed to be durable. What a caller acknowledges, or acts on outside the
        store, it reads in :meth:`write`.
        """
        ...

    def erase(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work``, which frees space, in one durable transaction, also when the store takes no more work."""
        ...

    def close(self) -> None:
        """Finish what is queued and let go of every connection and thread."""
        ...


class ClaimStore(Protocol):
    """Single-use identifiers (``jti`` of proofs and assertions), shared by all workers and hosts of a node."""

    def claim(self, *, space: str, key: str, issued_at: datetime, expires: datetime, now: datetime) -> bool:
        """Return true to exactly one caller for a (space, key) until ``expires``.

        Returns false, too, for an identifier issued before a start after which earlier claims may have been lost.
        """
        ...

    def claimed(self, *, space: str, key: str, issued_at: datetime) -> bool:
        """Tell whether a (space, key) was claimed, or may have been before such a start."""
        ...

    def erase_expired(self, *, now: datetime, batch: int) -> int:
        """Erase at most ``batch`` expired claims and return their number."""
        ...

    def close(self) -> None:
        """Let go of every connection and thread."""
        ...


class TrustResolver(Protocol):
    """Resolution of entities: whether each is trusted now, and with which keys."""

    def resolve(self, entity: EntityId, *, now: datetime, urgent: bool = False) -> TrustedEntity:
        """Return the entity as its chain describes it, fetching it within the rate limits.

        An ``urgent`` exchange, by its agreement's clause, accepts an older chain while the superiors cannot be asked.
        Raises :class:`trust.errors.Untrusted` for a stranger, a suspended party, an expired chain or a limit.
        """
        ...

    def resolve_presented(
        self, entity: EntityId, chain: Sequence[bytes], *, now: datetime, urgent: bool = False
    ) -> TrustedEntity:
        """Return the entity by the chain that it presents, unless it is known; else as :meth:`resolve`."""
        ...

    def cached(self, entity: EntityId, *, now: datetime) -> Resolution | None:
        """Return an entity with its chain, if it is known and served in full now, without fetching."""
        ...

    def check_standing(self, party: TrustedEntity, *, now: datetime, urgent: bool) -> None:
        """Raise :class:`trust.errors.Untrusted` for a suspended party, or one too stale; fetch nothing."""
        ...

    def refresh_keys(self, entity: EntityId, kid: str, *, now: datetime) -> TrustedEntity:
        """Refresh the entity because it used a key that is not known, within a rate limit."""
        ...

    def note_suspensions(self, from_peer: EntityId, seqs: Mapping[EntityId, int], *, now: datetime) -> None:
        """Fetch, after the response, the suspension entries that a peer advertises and this node does not have."""
        ...

    def suspension_seqs(self, *, now: datetime) -> Mapping[EntityId, int]:
        """Return the highest number of each issuer's suspensions in the store."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRequest:
    """One HTTP request to another node. ``timeout_s`` bounds the total wall time, name resolution included.

    ``accept`` is the one content type that is taken, or several joined by ``", "``.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    accept: str
    max_bytes: int
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerResponse:
    """A complete answer within the caps of its request; ``content_type`` is without parameters, in lower case."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No complete answer came: refused, unreachable, over a cap or over its time. ``str()`` names no person."""


class Transport(Protocol):
    """HTTP to strangers, with every guard of the profile's section 5."""

    def send(self, request: PeerRequest) -> PeerResponse:
        """Send ``request``. A status of 4xx or 5xx is an answer. Raises :class:`TransportError`."""
        ...


class PeerClient(Protocol):
    """Messages to another node, authorised by its own server."""

    def send_message(
        self, peer: TrustedEntity, raw: bytes, *, detail: AuthorizationDetail, timeout_s: float, trace: str
    ) -> bytes:
        """Obtain or reuse a token for ``detail``, post the signed message and return the signed answer's bytes.

        ``trace`` is that of the request behind it; the peer is told another. Raises :class:`TransportError`, and
        :class:`PeerRefused` when the peer answered with a problem document.
        """
        ...

    def send_batch(
        self, peer: TrustedEntity, messages: Sequence[bytes], *, detail: AuthorizationDetail, timeout_s: float
    ) -> Sequence[bytes | BatchRefusal]:
        """Send several signed messages in one request, as :meth:`send_message` does, and return an answer to each.

        Raises :class:`TransportError`, :class:`PeerRefused` when the peer refused the batch as a whole, and
        ``TrustError`` for an answer that is none to these messages.
        """
        ...


class PeerRefused(Exception):
    """The peer refused before it opened the message, or turned it away; ``code`` comes from its problem document."""

    def __init__(self, *, status: int, code: str, retry_after_s: int | None = None) -> None:
        super().__init__(f"the peer answered {status} ({code})")
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


class KeyVault(Protocol):
    """The node's private keys, by purpose."""

    def signer(self, use: KeyUse) -> Signer:
        """Return the signer that signs for one purpose now; ask for it again each time."""
        ...

    def published(self, use: KeyUse) -> KeySet:
        """Return the public keys of one purpose that others may need now: the signing one, next ones, retired ones."""
        ...

    def historical(self) -> tuple[HistoricalKey, ...]:
        """Return the federation keys of the past, revoked ones with their reason."""
        ...

    def revoked(self) -> tuple[RevokedKey, ...]:
        """Return the keys of every use that were revoked."""
        ...

    def edition(self) -> int:
        """Return a number that changes whenever another answer here may."""
        ...

    def seal_key(self) -> bytes:
        """Return the 32 bytes under which accounts rest in the store."""
        ...

    def seal_for_a_day(self, plaintext: bytes, place: bytes) -> bytes:
        """Seal what is kept for a day at most, under a key that is destroyed after two."""
        ...

    def open_of_a_day(self, sealed: bytes, place: bytes) -> bytes:
        """Open such a record. Raises :class:`gateway.keys.sealed.SealBroken`."""
        ...

    def pseudonym_key(self) -> bytes:
        """Return the 32 bytes that make practitioners' pairwise pseudonyms."""
        ...

    def evidence_hmac_key(self) -> bytes:
        """Return the 32 bytes that key the digests of people's identifiers in the evidence."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalClient:
    """A case system registered at its own node, with the positions that its users may ask in.

    One that ``vouches`` speaks for its users itself; ``manager`` then justifies a sample of its lookups, so many in a
    hundred. Any other asks with tokens that are its users' own.
    """

    client_id: str
    name: str
    jwks: Mapping[str, Any]
    positions: tuple[Position, ...]
    created_at: datetime
    revoked_at: datetime | None = None
    vouches: bool = True
    manager: str | None = None
    sample_percent: int = 0
