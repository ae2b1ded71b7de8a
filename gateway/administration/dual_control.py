"""Changes that take two administrators: one asks, another approves; or one makes it in an emergency, to be reviewed.

An agency with one administrator says so in its metadata. There the second approval is a superior's
(:mod:`trust.federation.second_approval`), or the change is made 24 hours after members were told of it.

What such a change would do is checked and shown when it is asked for, and again when it is approved: it is approved as
it was asked for, or not at all. It is made and its approval noted in one transaction, so that it is made once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

from gateway.administration.administrators import KnownBy, current, is_another
from gateway.administration.context import Settings, identity, now, opened_store, own_entity, superiors
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.ports import Store, Transaction
from gateway.store.tables import pending_changes, restore_holds, trust_chains
from gateway.store.tables.pending_changes import Change, ChangeState
from gateway.store.tables.restore_holds import HoldKind
from trust import claims, jose, strict_json
from trust.errors import TrustError
from trust.federation import entity_statement
from trust.federation.second_approval import ChangeApproval, verify_approval
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.spoken_digits import digits, spoken

EXPIRES = timedelta(days=7)
"""How long a change waits for its second administrator."""
NOTICE = timedelta(hours=24)
"""How long members are told of a change before an agency's only administrator makes it."""
HIDDEN = frozenset({"document", "jwks"})
"""Arguments that are long and signed, and never shown."""
_ID_BYTES = 4
_CHAIN_OF_SUPERIOR = 3
"""Our configuration, the statement about us, and the one that names the keys of the superior who made it."""
Commit = Callable[[Transaction], None]
"""Record what became of the change, in the transaction that makes it; raises ``OperationRefused``."""


class DualControlAct(Protocol):
    """One kind of change that takes two administrators."""

    @property
    def name(self) -> str:
        """What it is called, as its command is."""
        ...

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what it would do now. Raises ``OperationRefused`` if it cannot be made, or not as asked for."""
        ...

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Make it, calling ``commit`` within its transaction, and say what was done. Raises as :meth:`effect`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """A change that an administrator wants made, and why."""

    act: DualControlAct
    arguments: Mapping[str, Any]
    reason: str
    emergency: str | None


def plan_request(settings: Settings, request: ChangeRequest) -> ChangePlan:
    """Plan a change that waits for a second administrator, or that an emergency makes at once.

    Raises :class:`OperationRefused`.
    """
    effect = _check_request(settings, request)
    return ChangePlan(
        effect=[*effect, _what_follows(settings, request)],
        question="Make it now?" if request.emergency is not None else "Ask for it?",
        apply=lambda: _request(settings, request),
    )


def _check_request(settings: Settings, request: ChangeRequest) -> list[str]:
    """Return the effect of a change that may be asked for. Raises :class:`OperationRefused`."""
    _refuse_silence(request)
    effect = request.act.effect(settings, request.arguments)
    if request.emergency is None:
        _refuse_asked_before(settings, request)
    return effect


def _request(settings: Settings, request: ChangeRequest) -> UseCaseResult:
    _check_request(settings, request)
    act = request.act
    change = change_of(settings, act.name, request.arguments, reason=request.reason, emergency=request.emergency)
    visible = {name: str(value) for name, value in request.arguments.items() if name not in HIDDEN}
    facts = {"change": change.id, "digest": digest(change), "state": change.state, "emergency": request.emergency}
    record(settings, act.name, **visible, why=request.reason, **facts)

    def put(tx: Transaction) -> None:
        pending_changes.put(tx, change)

    if request.emergency is not None:
        lines = act.perform(settings, request.arguments, at=change.requested_at, commit=put)
        lines.append(f"It stands as an emergency until another administrator runs: hearthgate trust review {change.id}")
    else:
        with opened_store(settings) as store:
            store.write(put)
        lines = ["Nothing has changed yet.", *_next_steps(settings, change)]
    return UseCaseResult(lines=lines, data=to_json(change, now()))


def plan_approval(
    settings: Settings, acts: Mapping[str, DualControlAct], change_id: str, *, superior: Path | None = None
) -> ChangePlan:
    """Plan a change that another administrator asked for, or that a superior approved.

    Raises :class:`OperationRefused`.
    """
    at = now()
    with opened_store(settings) as store:
        change = _change_in(ChangeState.PENDING, store, change_id, at=at)
        _refuse_unconfirmed(store, change)
        second = _second(settings, store, change, superior, at)
    act = acts[change.act]

    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            _change_in(ChangeState.PENDING, store, change_id, at=now())
        facts = {"change": change.id, "of": change.act, "requested_by": change.requested_by, "second": second}
        by = record(settings, "trust approve", **facts)
        lines = act.perform(settings, change.arguments, at=at, commit=_moving(change, ChangeState.APPROVED, by, at))
        with opened_store(settings) as store:
            return UseCaseResult(lines=lines, data=to_json(_get_change(store, change.id), at))

    effect = [*about(change), *act.effect(settings, change.arguments)]
    return ChangePlan(effect=effect, question="Make it?", apply=apply)


def plan_withdrawal(settings: Settings, change_id: str, reason: str) -> ChangePlan:
    """Plan to withdraw a pending change; the person who asked for it may as well. Raises :class:`OperationRefused`."""
    at = now()
    with opened_store(settings) as store:
        change = _change_in(ChangeState.PENDING, store, change_id, at=at)

    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            _change_in(ChangeState.PENDING, store, change_id, at=now())
            by = record(settings, "trust decline", change=change.id, of=change.act, reason=reason)
            return _settle(store, change, _moving(change, ChangeState.WITHDRAWN, by, at), "It was given up.")

    return ChangePlan(effect=[*about(change), "It will not be made."], question="Give it up?", apply=apply)


def plan_review(settings: Settings, change_id: str, finding: str, *, superior: Path | None = None) -> ChangePlan:
    """Plan to record that a second administrator reviewed an emergency. Raises :class:`OperationRefused`."""
    at = now()
    with opened_store(settings) as store:
        change = _change_in(ChangeState.UNREVIEWED, store, change_id, at=at)
        second = _second(settings, store, change, superior, at)

    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            _change_in(ChangeState.UNREVIEWED, store, change_id, at=now())
            by = record(settings, "trust review", change=change.id, of=change.act, finding=finding, second=second)
            return _settle(store, change, _moving(change, ChangeState.REVIEWED, by, at), f"It is reviewed: {finding}")

    return ChangePlan(effect=about(change), question="Note that you reviewed it?", apply=apply)


def change_of(
    settings: Settings, act: str, arguments: Mapping[str, Any], *, reason: str, emergency: str | None
) -> Change:
    """Return a new change: one that waits for a second administrator, or an emergency that is to be reviewed."""
    by = current(settings)
    return Change(
        id=token_hex(_ID_BYTES),
        act=act,
        arguments=arguments,
        reason=reason,
        state=ChangeState.PENDING if emergency is None else ChangeState.UNREVIEWED,
        requested_by=by.name,
        requested_known_by=by.known_by,
        requested_at=now(),
        emergency=emergency,
    )


def about(change: Change) -> list[str]:
    """Return who asked for what, when and why."""
    what = ", ".join(f"{name} {value}" for name, value in change.arguments.items() if name not in HIDDEN)
    lines = [f"{change.id}: {change.act} ({what})"]
    verb = "made in an emergency" if change.emergency else "asked for"
    lines.append(f"  {verb} by {change.requested_by}, {change.requested_at:%Y-%m-%d %H:%M} UTC: {change.reason}")
    if change.emergency:
        lines.append(f"  why it could not wait: {change.emergency}")
    return lines


def stage(change: Change, at: datetime) -> str:
    """Return a change's state, or `expired` for one that waited too long."""
    waited_out = change.state is ChangeState.PENDING and at >= change.requested_at + EXPIRES
    return "expired" if waited_out else change.state


def to_json(change: Change, at: datetime) -> dict[str, Any]:
    """Return a change as the commands answer it with ``--json``."""
    return {
        "id": change.id,
        "act": change.act,
        "arguments": {name: value for name, value in change.arguments.items() if name not in HIDDEN},
        "reason": change.reason,
        "state": stage(change, at),
        "emergency": change.emergency,
        "requested_by": change.requested_by,
        "requested_at": change.requested_at.isoformat(),
        "second_by": change.second_by,
        "second_at": None if change.second_at is None else change.second_at.isoformat(),
        "announced_at": None if change.announced_at is None else change.announced_at.isoformat(),
        "digest": spoken(digits(digest(change))),
    }


def _refuse_silence(request: ChangeRequest) -> None:
    if not request.reason.strip() or (request.emergency is not None and not request.emergency.strip()):
        raise OperationRefused("Say why: the administrator who approves or reviews the change reads it.")


def _refuse_asked_before(settings: Settings, request: ChangeRequest) -> None:
    at = now()
    with opened_store(settings) as store:
        every = store.read(pending_changes.list)
    for change in every:
        if stage(change, at) == ChangeState.PENDING and _same(change, request):
            raise OperationRefused(
                f"That was asked for already, as {change.id}, by {change.requested_by}; another administrator makes it "
                f"with: hearthgate trust approve {change.id}"
            )


def _same(change: Change, request: ChangeRequest) -> bool:
    plain = [
        {name: value for name, value in arguments.items() if name not in HIDDEN}
        for arguments in (change.arguments, request.arguments)
    ]
    return change.act == request.act.name and plain[0] == plain[1]


def digest(change: Change) -> str:
    """Return the digest of what a change is, which a superior approves and the journal keeps."""
    return claims.digest(strict_json.dumps({"act": change.act, "arguments": dict(change.arguments), "id": change.id}))


def _next_steps(settings: Settings, change: Change) -> list[str]:
    command = f"hearthgate trust approve {change.id}"
    if identity(settings).administrators > 1:
        return [f"Another administrator makes it with: {command}"]
    hours = int(NOTICE.total_seconds()) // 3600
    lines = [f"Members are told of it while this entity serves; {hours} hours later, make it with: {command}"]
    for superior in superiors(settings):
        lines.append(f"Or read this out to {superior}, which approves it with `hearthgate trust second`:")
        lines.append(f"    {own_entity(settings)} {change.id} {spoken(digits(digest(change)))}")
    return lines


def _what_follows(settings: Settings, request: ChangeRequest) -> str:
    if request.emergency is not None:
        return "In an emergency it is made now, by one administrator, and listed until another has reviewed it."
    if identity(settings).administrators == 1:
        return "A superior approves it, or it is made 24 hours after members were told; until then nothing changes."
    return f"It takes a second administrator, who has {EXPIRES.days} days to approve it; until then nothing changes."


def _get_change(store: Store, change_id: str) -> Change:
    change = store.read(lambda tx: pending_changes.get(tx, id=change_id))
    if change is None:
        raise OperationRefused(f"There is no change {change_id} here; `hearthgate trust changes` lists them.")
    return change


def _change_in(expected: ChangeState, store: Store, change_id: str, *, at: datetime) -> Change:
    change = _get_change(store, change_id)
    state = stage(change, at)
    if state != expected:
        again = "; ask for it again" if state == "expired" else ""
        raise OperationRefused(f"The change {change_id} is {state} and not {expected}: nothing was changed{again}.")
    return change


def _refuse_unconfirmed(store: Store, change: Change) -> None:
    """Refuse a change out of a backup that was not confirmed yet."""
    if store.read(lambda tx: restore_holds.is_held(tx, HoldKind.CHANGE, change.id)):
        raise OperationRefused(
            f"The change {change.id} was asked for before the restore, and may have been declined since: "
            "`hearthgate trust decline` ends it, `hearthgate restore confirm` opens what is left."
        )


def _second(settings: Settings, store: Store, change: Change, superior: Path | None, at: datetime) -> str:
    """Return what stands for the second administrator. Raises :class:`OperationRefused` where nothing does."""
    if superior is not None:
        return _approved_above(own_entity(settings), store, change, read_input(superior, "The superior's approval"), at)
    by = current(settings)
    proven = KnownBy.NAME not in {by.known_by, change.requested_known_by}
    if proven and is_another(change.requested_by, by.name):
        return by.name
    if identity(settings).administrators == 1:
        return _announced_long_enough(change, at)
    if not proven:
        raise OperationRefused(
            "A second administrator must approve this change, and nothing proves who one of the two is: this machine "
            "keeps no login id of a session. Each asks and approves with a key of their own; see `hearthgate trust "
            "administrator --help`. Then ask for the change again."
        )
    raise OperationRefused(
        f"A second administrator must approve this change. {change.requested_by} requested it, and you ({by.name}) "
        "may be the same person. Nothing was changed."
    )


def _announced_long_enough(change: Change, at: datetime) -> str:
    if change.announced_at is None:
        raise OperationRefused(
            "Members have not been told of this change yet: they are within five minutes while this entity serves. "
            "Nothing was changed."
        )
    due = change.announced_at + NOTICE
    if at < due:
        raise OperationRefused(
            f"Members were told of this change at {change.announced_at:%Y-%m-%d %H:%M} UTC; it may be made from "
            f"{due:%Y-%m-%d %H:%M} UTC, or before with a superior's approval (--superior FILE). Nothing was changed."
        )
    return f"announced {change.announced_at.isoformat(timespec='seconds')}"


def _approved_above(own: EntityId, store: Store, change: Change, raw: bytes, at: datetime) -> str:
    chain = store.read(lambda tx: trust_chains.get_chain(tx, entity=own))
    if chain is None or len(chain.statements) < _CHAIN_OF_SUPERIOR:
        raise OperationRefused("No superior's keys are known here yet: have this entity serve, and try again.")
    above, about_above = (
        jose.peek(each, typ=entity_statement.TYP, max_bytes=entity_statement.MAX_BYTES).claims
        for each in chain.statements[1:_CHAIN_OF_SUPERIOR]
    )
    superior = EntityId(above["iss"])
    approved = digits(digest(change))
    expected = ChangeApproval(superior=superior, entity=own, change=change.id, digest=approved)
    try:
        keys = KeySet.from_jwks(about_above["jwks"], KeyUse.FEDERATION)
        verify_approval(raw, expected=expected, keys=keys, now=at)
    except TrustError as refused:
        raise OperationRefused(f"That is no approval of this change by {superior}: {refused.detail}") from refused
    return superior


def _moving(change: Change, to: ChangeState, by: str, at: datetime) -> Commit:
    def commit(tx: Transaction) -> None:
        if not pending_changes.move(tx, change, to, by=by, at=at):
            raise OperationRefused(f"Another administrator settled the change {change.id} meanwhile; look at it again.")

    return commit


def _settle(store: Store, change: Change, commit: Commit, message: str) -> UseCaseResult:
    store.write(commit)
    return UseCaseResult(lines=[message], data=to_json(_get_change(store, change.id), now()))
