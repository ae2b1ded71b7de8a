"""Authenticated callers of a node: another member, or a case system with its practitioner."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.ports import LocalClient
from trust.exchange.errors import Fault
from trust.federation.chain import TrustedEntity
from trust.identifiers import RoleCode
from trust.oauth.access_token import AccessToken
from trust.oauth.authorization_details import AuthorizationDetail
from trust.strict_json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerCaller:
    """The authenticated sender of a request on the peer API.

    ``party`` is the member as its trust chain described it when the token was checked; ``details`` are what the token
    permits.
    """

    party: TrustedEntity
    details: tuple[AuthorizationDetail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCaller:
    """An authenticated case system, and the token it came with."""

    client: LocalClient
    token: AccessToken

    @property
    def vouches(self) -> bool:
        """Whether the case system speaks for its users itself, because the token is not one of theirs."""
        return self.token.signed_in is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Practitioner:
    """The person who asks, as their own agency knows them.

    ``id`` is the agency's own name for them and never leaves the node: a pairwise pseudonym goes on the wire
    (:class:`trust.exchange.message.PseudonymousPractitioner`). ``client`` is the case system whose name ``id`` is;
    ``None`` for a person who signed in, whose name is no client's. ``role`` and ``org_unit`` are within what the client
    is registered for.
    """

    id: str
    client: str | None
    role: RoleCode
    org_unit: str
    call_back: str | None = None


class CaseRefusal(StrEnum):
    """Why a case system's request was not carried out."""

    NOT_PERMITTED = "not_permitted"
    """No agreement lets this service ask for this purpose, in this role."""
    KEY_REUSED = "idempotency_key_reused"
    """The idempotency key already stands for another request."""
    OVER_BUDGET = "over_budget"
    """More was asked lately than the node allows."""
    STEP_UP_REQUIRED = "step_up_required"
    """The person has to sign in afresh, with a second factor (RFC 9470)."""
    BREAK_GLASS_SUSPENDED = "break_glass_suspended"
    """This person's break-glass waits for a review."""


class CaseRefused(Exception):
    """A capability refused a case system's request; both sentences are for the caller and name no person.

    ``detail`` says why, ``remedy`` what would change it; ``retry_after_s`` is set where waiting does, ``max_age_s``
    where a sign-in does that is at most so old. ``code`` stands in the evidence. ``faults`` names what is refused,
    where that is several things.
    """

    faults: tuple[Fault, ...] = ()
    routes: tuple[JsonObject, ...] = ()
    """What may be sent without consent instead, where it is refused for want of one."""

    def __init__(
        self,
        refusal: CaseRefusal,
        *,
        detail: str,
        remedy: str,
        retry_after_s: int | None = None,
        max_age_s: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.code = code or str(refusal)
        self.detail = detail
        self.remedy = remedy
        self.retry_after_s = retry_after_s
        self.max_age_s = max_age_s
