"""The trust marks of an authority: issue, revoke, delegate and list them; at a node, list those that it shows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import AnchorSettings
from gateway.administration.context import (
    Settings,
    authority_signer,
    authority_vault,
    now,
    opened_store,
    own_entity,
)
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.authority.trust_marks import MarkTerms, TrustMarkIssuer, configured_types
from gateway.ports import Store
from gateway.store.tables import issued_trust_marks, members, own_trust_marks
from gateway.store.tables.issued_trust_marks import IssuedTrustMark
from gateway.store.tables.own_trust_marks import OwnTrustMark
from trust.errors import TrustError
from trust.federation.suspension import SuspensionState
from trust.federation.trust_mark import (
    DELEGATION_TYP,
    MAX_TYPE,
    MarkDraft,
    MarkStatus,
    build_delegation,
    name_mark,
    peek_draft,
)
from trust.identifiers import EntityId, parse_entity_id

_HTTPS = "https://"


def plan_issue(settings: AnchorSettings, entity: str, mark_type: str) -> ChangePlan:
    """Plan to grant a mark until it is revoked. Raises :class:`OperationRefused` and ``TrustError``."""
    subject, kind = parse_entity_id(entity), _full_type(settings, mark_type)
    terms = _terms(settings, kind)
    with opened_store(settings) as store:
        _refuse_inactive(store, subject)
        _refuse_granted(store, kind, subject)
        effect = [
            f"{subject} gets {name_mark(kind)}.",
            f"Each lasts {terms.lifetime.days} days and is renewed by itself; hearthgate trust mark revoke ends it.",
            *_delegated_by(terms),
            *_stranger(store, subject),
        ]
    return ChangePlan(effect=effect, question="Issue it?", apply=lambda: _issue(settings, subject, kind))


def _issue(settings: AnchorSettings, subject: EntityId, kind: str) -> UseCaseResult:
    with opened_store(settings) as store:
        _refuse_inactive(store, subject)
        _refuse_granted(store, kind, subject)
        vault, types = authority_vault(settings, store), configured_types(settings)
        issuer = TrustMarkIssuer(own=own_entity(settings), vault=vault, store=store, types=types)
        record(settings, "trust mark issue", entity_id=subject, type=kind)
        mark = issuer.issue(kind, subject, now=now())
    until = "" if mark.expires_at is None else f", for now until {mark.expires_at:%Y-%m-%d}"
    return UseCaseResult(
        lines=[
            f"{subject} has {name_mark(kind)}{until}.",
            "It fetches it within minutes, where the trust anchor lists this type.",
        ],
        data={
            "entity_id": subject,
            "type": kind,
            "issued_at": mark.issued_at.isoformat(),
            "expires_at": _iso(mark.expires_at),
        },
    )


def plan_revocation(settings: AnchorSettings, entity: str, mark_type: str, *, reason: str) -> ChangePlan:
    """Plan to end a mark at once. Raises :class:`OperationRefused` and ``TrustError``."""
    subject, kind = parse_entity_id(entity), _full_type(settings, mark_type)
    with opened_store(settings) as store:
        _refuse_without_mark(store, kind, subject)

    def apply() -> UseCaseResult:
        at = now()
        with opened_store(settings) as store:
            _refuse_without_mark(store, kind, subject)
            record(settings, "trust mark revoke", entity_id=subject, type=kind, reason=reason)
            count = store.write(
                lambda tx: issued_trust_marks.revoke(tx, mark_type=kind, subject=subject, reason=reason, at=at)
            )
        data = {"entity_id": subject, "type": kind, "reason": reason, "revoked": count, "revoked_at": at.isoformat()}
        return UseCaseResult(lines=[f"{subject} no longer has {name_mark(kind)}: {reason}"], data=data)

    effect = [
        f"{subject} loses {name_mark(kind)}.",
        "Members that demand it drop it at their next refresh, within 5 minutes, and refuse what needed it.",
    ]
    return ChangePlan(effect=effect, question="Revoke it?", apply=apply)


def plan_delegation(
    settings: AnchorSettings, issuer: str, mark_type: str, *, out: Path, lifetime: timedelta
) -> ChangePlan:
    """Plan to let another authority issue marks of a type of this one. Raises :class:`OperationRefused`."""
    other, own, kind = parse_entity_id(issuer), own_entity(settings), _full_type(settings, mark_type)
    at = now().replace(microsecond=0)
    if other == own:
        raise OperationRefused("An authority needs no delegation for a type of its own.")
    _refuse_existing(out)
    ends = at + lifetime
    draft = MarkDraft(issuer=own, subject=other, mark_type=kind, issued_at=at, expires_at=ends)

    def apply() -> UseCaseResult:
        _refuse_existing(out)
        with opened_store(settings) as store:
            raw = build_delegation(draft, authority_signer(settings, store))
        record(settings, "trust mark delegate", issuer=other, type=kind, days=lifetime.days)
        write_new(out, raw, "The delegation")
        return UseCaseResult(
            lines=[f"The delegation is in {out}; {other} names it in [[marks.issues]]."],
            data={"issuer": other, "type": kind, "delegation": str(out), "expires_at": ends.isoformat()},
        )

    effect = [
        f"{other} may issue {name_mark(kind)} until {ends:%Y-%m-%d}, in the name of {own}.",
        "A delegation cannot be taken back; only the trust anchor can drop its issuer or its type before.",
    ]
    return ChangePlan(effect=effect, question="Delegate it?", apply=apply)


def list_marks(settings: Settings) -> UseCaseResult:
    """Return the newest mark of each type and entity that an authority issued, and the marks that this entity shows."""
    at = now()
    with opened_store(settings) as store:
        own = [_own_to_json(each, at) for each in store.read(own_trust_marks.list)]
        issued = [_issued_to_json(each, at) for each in _newest(store.read(issued_trust_marks.list))]
    lines = [f"{each['entity_id']}  {_status_message(each)}" for each in issued]
    lines += [f"Held: {_status_message(each)}" for each in own]
    data: dict[str, Any] = {"held": own}
    if isinstance(settings, AnchorSettings):
        data["issued"] = issued
    return UseCaseResult(lines=lines or ["There is no mark here."], data=data)


def _full_type(settings: AnchorSettings, mark_type: str) -> str:
    """Return a type of mark in full. Raises :class:`OperationRefused`."""
    whole = mark_type if mark_type.startswith(_HTTPS) else f"{settings.anchor.entity_id}/marks/{mark_type}"
    if not mark_type or len(whole) > MAX_TYPE or not whole.isascii() or not whole.isprintable() or " " in whole:
        raise OperationRefused(
            f"A type of mark is a web address of at most {MAX_TYPE} characters, or what follows /marks/ in it."
        )
    return whole


def _is_granted(store: Store, kind: str, subject: EntityId) -> bool:
    """Return whether an entity was granted a mark that was not revoked; an expired one is renewed."""
    marks = store.read(lambda tx: issued_trust_marks.list(tx, mark_type=kind, subject=subject))
    return any(each.revoked_at is None for each in marks)


def _terms(settings: AnchorSettings, kind: str) -> MarkTerms:
    terms = configured_types(settings).get(kind)
    if terms is None:
        raise OperationRefused(
            f"This authority issues no marks of the type {kind}. Add it to the configuration as [[marks.issues]] and "
            "start the authority again, so that it can be fetched and asked about."
        )
    return terms


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise OperationRefused(f"The delegation: {out} exists already; name another file, or move it away first.")


def _refuse_granted(store: Store, kind: str, subject: EntityId) -> None:
    if _is_granted(store, kind, subject):
        raise OperationRefused(f"{subject} has {name_mark(kind)} already; it is renewed by itself until it is revoked.")


def _refuse_without_mark(store: Store, kind: str, subject: EntityId) -> None:
    if not _is_granted(store, kind, subject):
        raise OperationRefused(f"{subject} has no mark of the type {kind} from here; see `hearthgate trust mark list`.")


def _refuse_inactive(store: Store, subject: EntityId) -> None:
    member = store.read(lambda tx: members.get(tx, entity=subject))
    if member is not None and member.state != SuspensionState.ACTIVE:
        raise OperationRefused(f"{subject} is {member.state}, and gets no mark until it is a member again.")


def _delegated_by(terms: MarkTerms) -> list[str]:
    if terms.delegation is None:
        return []
    draft = peek_draft(terms.delegation, typ=DELEGATION_TYP)
    until = "" if draft.expires_at is None else f", until {draft.expires_at:%Y-%m-%d}"
    return [f"The type is that of {draft.issuer}, which lets this authority issue it{until}."]


def _stranger(store: Store, subject: EntityId) -> list[str]:
    if store.read(lambda tx: members.get(tx, entity=subject)) is not None:
        return []
    return ["It is no member of this authority itself: make sure that this is its name, in its own federation."]


def _newest(marks: tuple[IssuedTrustMark, ...]) -> list[IssuedTrustMark]:
    """Return the last one of each type and entity: those before it were renewed."""
    return list({(each.mark_type, each.subject): each for each in marks}.values())


def _issued_to_json(mark: IssuedTrustMark, at: datetime) -> dict[str, Any]:
    status = MarkStatus.ACTIVE
    if mark.revoked_at is not None:
        status = MarkStatus.REVOKED
    elif mark.expires_at is not None and mark.expires_at <= at:
        status = MarkStatus.EXPIRED
    return {
        "entity_id": mark.subject,
        "type": mark.mark_type,
        "status": status,
        "issued_at": mark.issued_at.isoformat(),
        "expires_at": _iso(mark.expires_at),
        "revoked_at": _iso(mark.revoked_at),
        "reason": mark.reason,
    }


def _own_to_json(mark: OwnTrustMark, at: datetime) -> dict[str, Any]:
    try:
        ends = peek_draft(mark.raw).expires_at
    except TrustError:
        ends = at
    return {
        "issuer": mark.issuer,
        "type": mark.mark_type,
        "status": MarkStatus.EXPIRED if ends is not None and ends <= at else MarkStatus.ACTIVE,
        "expires_at": _iso(ends),
    }


def _status_message(mark: Mapping[str, Any]) -> str:
    message = f"{name_mark(mark['type'])}: {mark['status']}"
    if mark["status"] == MarkStatus.REVOKED:
        return f"{message} since {mark['revoked_at'][:10]} ({mark['reason']})"
    return f"{message}, until {mark['expires_at'][:10]}" if mark["expires_at"] else message


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
