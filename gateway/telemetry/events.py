"""What logs and metrics are told; no member of these concerns a person."""

from dataclasses import dataclass
from typing import Protocol

from trust.identifiers import EntityId


class AnsweredRequest(Protocol):
    """What :class:`gateway.web.face.Exchange` says of a request."""

    @property
    def face(self) -> str:
        """The face's name."""

    @property
    def method(self) -> str:
        """The method, from a closed list."""

    @property
    def route(self) -> str:
        """The route's template."""

    @property
    def status(self) -> int:
        """The status answered."""

    @property
    def duration_s(self) -> float:
        """How long it took."""

    @property
    def request_id(self) -> str:
        """Our own id of the request."""

    @property
    def trace(self) -> str:
        """The trace that it belongs to: the caller's, or a new one."""

    @property
    def problem(self) -> str | None:
        """The problem's code or the OAuth error, where there was one."""

    @property
    def reason(self) -> str | None:
        """The rule behind a refused token, proof or client."""


class HandledMessage(Protocol):
    """What :class:`gateway.exchange.inbound.Handled` says of a message."""

    @property
    def peer(self) -> EntityId:
        """Who sent it."""

    @property
    def service(self) -> str:
        """Which of our services it was for."""

    @property
    def kind(self) -> str:
        """The kind of exchange."""

    @property
    def outcome(self) -> str:
        """How it was answered."""

    @property
    def replayed(self) -> bool:
        """Whether the earlier answer was given again."""

    @property
    def failure(self) -> str | None:
        """Why the case system gave no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """One message that was sent to a peer: how it went (``answered``, ``refused``, ``failed``), and in which traces.

    ``trace`` is that of the request behind it, ``peer_trace`` the one that the peer was told.
    """

    peer: EntityId
    outcome: str
    seconds: float
    trace: str
    peer_trace: str
