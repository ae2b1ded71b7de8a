"""Break-glass at the asking agency: who may use it, what is put on record, and who is told (assertion A52).

1. The agency names a reviewer and that person's manager; without them there is no break-glass.
2. The person signed in afresh, and their provider's own token states a second factor. No client speaks for them.
3. Each use is on record with its reason, raises a flag and rings the reviewer.
4. A second person reviews it within 72 hours. Until a late review is made the person's break-glass is suspended, and
   the manager is told; after a use that was not justified it is suspended until the manager lifts that. A person is
   who signed in, whichever case system they use, and has at most so many uses that wait for a review.

It lifts this node's own limits on how often may be asked, and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.callers import CaseCaller, CaseRefusal, CaseRefused
from gateway.ports import Store, Transaction
from gateway.store.tables import break_glass, flags
from gateway.store.tables.break_glass import BreakGlassUse
from trust.claims import keyed_digest
from trust.exchange.break_glass import FRESH_SIGN_IN, REVIEW_WITHIN, BreakGlassCode
from trust.exchange.message import Message

BREAK_GLASS, UNREVIEWED, ASKED_BY_BREAK_GLASS = "break_glass", "break_glass_unreviewed", "asked_by_break_glass"


class BreakGlassNotice(StrEnum):
    """Who is told of a use, and why."""

    USED = "used"
    """The reviewer, at once."""
    UNREVIEWED = "unreviewed"
    """The reviewer's manager, once the time for the review is over."""


Notify = Callable[[BreakGlassNotice, str, datetime], None]
"""Tell the reviewer or the manager of the use of this id; what fails is logged, since the flag stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewers:
    """The named persons of an agency who review break-glass."""

    reviewer: str
    manager: str
    most_unreviewed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """Break-glass of one agency. ``reviewers`` is none where the agency names no one."""

    reviewers: Reviewers | None
    notify: Notify

    def check(self, caller: CaseCaller, now: datetime) -> None:
        """Raise :class:`CaseRefused` unless this token may use break-glass (rules 1 and 2)."""
        if self.reviewers is None:
            raise CaseRefused(
                CaseRefusal.NOT_PERMITTED,
                detail="This agency has not named who reviews break-glass, so there is none.",
                remedy="Ask without break_glass; the node's administrator names a reviewer in [break_glass].",
            )
        signed_in = caller.token.signed_in
        if signed_in is None or not signed_in.factor_stated or signed_in.auth_time is None:
            raise _step_up("Break-glass needs the token of a person whose own sign-in states a second factor.")
        if now - signed_in.auth_time > FRESH_SIGN_IN:
            raise _step_up(f"The person signed in more than {FRESH_SIGN_IN.seconds // 60} minutes ago.")

    def put(self, tx: Transaction, caller: CaseCaller, use: BreakGlassUse) -> None:
        """Put a use on record, in the transaction that records the question. Raises :class:`CaseRefused`."""
        self.check(caller, use.used_at)
        barring = break_glass.bar(tx, use)
        if barring is not None:
            raise self._suspended(barring)
        waiting = break_glass.unreviewed(tx, use)
        if self.reviewers is not None and waiting >= self.reviewers.most_unreviewed:
            raise _refused(
                f"{waiting} uses of this person wait for a review{self._names()}, which is the most there may be."
            )
        break_glass.put(tx, use)
        flags.raise_flag(tx, code=BREAK_GLASS, asker=f"{use.client_id} {use.practitioner}", at=use.used_at)

    def _names(self) -> str:
        return "" if self.reviewers is None else f" by {self.reviewers.reviewer} or {self.reviewers.manager}"

    def _suspended(self, barring: BreakGlassUse) -> CaseRefused:
        late = barring.reviewed_at is None
        why = (
            f"was not reviewed{self._names()} within 72 hours"
            if late
            else "was found not justified, and was not lifted"
        )
        return _refused(f"The use of {barring.used_at:%Y-%m-%d %H:%M} UTC {why}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LateBreakGlass:
    """Tell the manager of uses that were not reviewed in time."""

    store: Store
    notify: Notify

    def round(self, now: datetime) -> None:
        """Flag each late use once, and tell the reviewer's manager of it."""
        for use in self.store.read(lambda tx: break_glass.to_escalate(tx, now=now)):
            if self.store.write(lambda tx, use=use: self._escalate(tx, use, now)):  # type: ignore[misc]
                self.notify(BreakGlassNotice.UNREVIEWED, use.lookup_id, now)

    def _escalate(self, tx: Transaction, use: BreakGlassUse, now: datetime) -> bool:
        if not break_glass.escalate(tx, use.lookup_id, at=now):
            return False
        flags.raise_flag(tx, code=UNREVIEWED, asker=f"{use.client_id} {use.practitioner}", at=now)
        return True


def new_use(
    lookup_id: str, caller: CaseCaller, practitioner: str, key: bytes, code: BreakGlassCode, now: datetime
) -> BreakGlassUse:
    """Return a use by who signed in. ``practitioner`` is their name in flags, ``key`` the one that keys digests.

    A token that no person signed in for gives a use that :meth:`BreakGlass.put` refuses.
    """
    signed_in = caller.token.signed_in
    name = caller.client.client_id if signed_in is None else signed_in.sub
    return BreakGlassUse(
        lookup_id=lookup_id,
        client_id=caller.client.client_id,
        practitioner=practitioner,
        person=keyed_digest(key, f"break-glass person\0{name}".encode()),
        code=code,
        used_at=now,
        due_at=now + REVIEW_WITHIN,
    )


def note_break_glass(tx: Transaction, message: Message, *, asker: str, at: datetime) -> None:
    """Flag, at the holder, a question that another agency asked by break-glass."""
    if message.practitioner.break_glass is not None:
        flags.raise_flag(tx, code=ASKED_BY_BREAK_GLASS, asker=asker, at=at)


def _refused(detail: str) -> CaseRefused:
    return CaseRefused(
        CaseRefusal.BREAK_GLASS_SUSPENDED,
        detail=detail,
        remedy="Ask without break_glass. In immediate danger, ring 999.",
    )


def _step_up(detail: str) -> CaseRefused:
    return CaseRefused(
        CaseRefusal.STEP_UP_REQUIRED,
        detail=detail,
        remedy=f"Have them sign in now (max_age={FRESH_SIGN_IN.seconds}, a second factor). No service was asked.",
        max_age_s=FRESH_SIGN_IN.seconds,
    )


NONE: Final = BreakGlass(reviewers=None, notify=lambda _notice, _lookup, _now: None)
"""For a node that names no reviewer."""
