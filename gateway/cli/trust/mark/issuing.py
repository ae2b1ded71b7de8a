"""``hearthgate trust mark issue``, ``revoke`` and ``delegate``."""

from datetime import timedelta
from pathlib import Path

import click

from config.settings import AnchorSettings
from gateway.administration.context import authority_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.app.authority import mark_types
from gateway.authority.trust_marks import MarkTerms, TrustMarkIssuer
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.ports import Store
from gateway.store.tables import issued_trust_marks, members
from trust.federation.suspension import SuspensionState
from trust.federation.trust_mark import DELEGATION_TYP, MAX_TYPE, MarkDraft, build_delegation, name_mark, peek_draft
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeyUse

_HTTPS = "https://"
_type_argument = click.argument("mark_type", metavar="TYPE")


@click.command()
@click.argument("entity")
@_type_argument
@config_option
@yes_option
@command_output
def issue(*, entity: str, mark_type: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Say of ENTITY what a mark of TYPE says, until it is revoked.

    TYPE is whole, or what follows `/marks/` in a type of this authority's own: `data-protection-assured`, or
    `agreement/ID`. ENTITY fetches the mark by itself and shows it with its statement.
    """
    settings, subject = load_anchor(config), parse_entity_id(entity)
    kind = _whole(settings, mark_type)
    with opened_store(settings) as store:
        issuer, terms = _issuer(settings, store), _issued_here(settings, kind)
        _refuse_not_standing(store, subject)
        if _standing(store, kind, subject):
            raise OperationRefused(
                f"{subject} has {name_mark(kind)} already; it is renewed by itself until it is revoked."
            )
        show_plan(
            f"{subject} gets {name_mark(kind)}.",
            f"Each lasts {terms.lifetime.days} days and is renewed by itself; hearthgate trust mark revoke ends it.",
            *_delegated_by(terms),
            *_stranger(store, subject),
        )
        confirm("Issue it?", yes=yes)
        record(settings, "trust mark issue", entity_id=subject, type=kind)
        made = issuer.issue(kind, subject, now=now())
    ends = None if made.expires_at is None else made.expires_at.isoformat()
    return UseCaseResult(
        lines=[
            f"{subject} has {name_mark(kind)}" + (f", for now until {made.expires_at:%Y-%m-%d}." if ends else "."),
            "It fetches it within minutes, where the trust anchor lists this type.",
        ],
        data={"entity_id": subject, "type": kind, "issued_at": made.issued_at.isoformat(), "expires_at": ends},
    )


@click.command()
@click.argument("entity")
@_type_argument
@click.option("--reason", required=True, help="Why; it is kept with the mark and in the journal.")
@config_option
@yes_option
@command_output
def revoke(*, entity: str, mark_type: str, config: Path | None, reason: str, yes: bool) -> UseCaseResult:
    """End the mark of TYPE that ENTITY has: its status is `revoked` at once, and it gets no other."""
    settings, subject = load_anchor(config), parse_entity_id(entity)
    kind = _whole(settings, mark_type)
    with opened_store(settings) as store:
        if not _standing(store, kind, subject):
            raise OperationRefused(
                f"{subject} has no mark of the type {kind} from here; see `hearthgate trust mark list`."
            )
        show_plan(
            f"{subject} loses {name_mark(kind)}.",
            "Members that demand it drop it at their next refresh, within 5 minutes, and refuse what needed it.",
        )
        confirm("Revoke it?", yes=yes)
        at = now()
        record(settings, "trust mark revoke", entity_id=subject, type=kind, reason=reason)
        count = store.write(
            lambda tx: issued_trust_marks.revoke(tx, mark_type=kind, subject=subject, reason=reason, at=at)
        )
    return UseCaseResult(
        lines=[f"{subject} no longer has {name_mark(kind)}: {reason}"],
        data={"entity_id": subject, "type": kind, "reason": reason, "revoked": count, "revoked_at": at.isoformat()},
    )


@click.command()
@click.argument("issuer")
@_type_argument
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--days", type=click.IntRange(1, 3660), default=366, show_default=True, help="How long it stands.")
@config_option
@yes_option
@command_output
def delegate(*, issuer: str, mark_type: str, config: Path | None, out: Path, days: int, yes: bool) -> UseCaseResult:
    """Let ISSUER issue marks of TYPE, which is this authority's own. Nothing ends it but its time.

    The trust anchor has to name this authority as the owner, and ISSUER to name the file, in their `[marks]`.
    """
    settings, other = load_anchor(config), parse_entity_id(issuer)
    own, kind = EntityId(settings.anchor.entity_id), _whole(settings, mark_type)
    at = now().replace(microsecond=0)
    if other == own:
        raise OperationRefused("An authority needs no delegation for a type of its own.")
    if out.exists():
        raise OperationRefused(f"The delegation: {out} exists already; name another file, or move it away first.")
    ends = at + timedelta(days=days)
    draft = MarkDraft(issuer=own, subject=other, mark_type=kind, issued_at=at, expires_at=ends)
    show_plan(
        f"{other} may issue {name_mark(kind)} until {ends:%Y-%m-%d}, in the name of {own}.",
        "A delegation cannot be taken back; only the trust anchor can drop its issuer or its type before.",
    )
    confirm("Delegate it?", yes=yes)
    with opened_store(settings) as store:
        raw = build_delegation(draft, authority_vault(settings, store).signer(KeyUse.FEDERATION))
    record(settings, "trust mark delegate", issuer=other, type=kind, days=days)
    write_new(out, raw, "The delegation")
    return UseCaseResult(
        lines=[f"The delegation is in {out}; {other} names it in [[marks.issues]]."],
        data={"issuer": other, "type": kind, "delegation": str(out), "expires_at": ends.isoformat()},
    )


def _whole(settings: AnchorSettings, mark_type: str) -> str:
    """Return a type of mark in full. Raises :class:`OperationRefused`."""
    whole = mark_type if mark_type.startswith(_HTTPS) else f"{settings.anchor.entity_id}/marks/{mark_type}"
    if not mark_type or len(whole) > MAX_TYPE or not whole.isascii() or not whole.isprintable() or " " in whole:
        raise OperationRefused(
            f"A type of mark is a web address of at most {MAX_TYPE} characters, or what follows /marks/ in it."
        )
    return whole


def _standing(store: Store, kind: str, subject: EntityId) -> bool:
    """Tell whether an entity was granted a mark that nobody revoked; it is renewed where it has expired."""
    found = store.read(lambda tx: issued_trust_marks.list(tx, mark_type=kind, subject=subject))
    return any(each.revoked_at is None for each in found)


def _issuer(settings: AnchorSettings, store: Store) -> TrustMarkIssuer:
    vault = authority_vault(settings, store)
    return TrustMarkIssuer(
        own=EntityId(settings.anchor.entity_id), vault=vault, store=store, types=mark_types(settings)
    )


def _issued_here(settings: AnchorSettings, kind: str) -> MarkTerms:
    terms = mark_types(settings).get(kind)
    if terms is None:
        raise OperationRefused(
            f"This authority issues no marks of the type {kind}. Add it to the configuration as [[marks.issues]] and "
            "start the authority anew, so that it can be fetched and asked about."
        )
    return terms


def _refuse_not_standing(store: Store, subject: EntityId) -> None:
    member = store.read(lambda tx: members.get(tx, entity=subject))
    if member is not None and member.state != SuspensionState.ACTIVE:
        raise OperationRefused(f"{subject} is {member.state}, and gets no mark until it is a member again.")


def _delegated_by(terms: MarkTerms) -> list[str]:
    if terms.delegation is None:
        return []
    said = peek_draft(terms.delegation, typ=DELEGATION_TYP)
    until = "" if said.expires_at is None else f", until {said.expires_at:%Y-%m-%d}"
    return [f"The type is that of {said.issuer}, which lets this authority issue it{until}."]


def _stranger(store: Store, subject: EntityId) -> list[str]:
    if store.read(lambda tx: members.get(tx, entity=subject)) is not None:
        return []
    return ["It is no member of this authority itself: make sure that this is its name, in whatever federation it is."]
