"""The part of a decision that only queued kinds need: recipient, persons, fields, and consent of each person.

The same rules bind the sender before it signs, before each attempt, and the recipient. The sender decides about all
that it has to say; the recipient about what the sender left. What is cut is cut whole, so both reach the same answer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trust.agreements.clause import Clause
from trust.agreements.consent import deny_consent, deny_ended, deny_unsigned
from trust.agreements.denial import Denial, DenialCode, deny
from trust.agreements.lawful_basis import LegalPart, cannot_cite, lookup
from trust.agreements.location import LocationRestriction, protect_body
from trust.agreements.minimise import cut_message
from trust.claims import from_seconds
from trust.errors import shown
from trust.exchange.errors import Fault, MalformedBody
from trust.exchange.kind import ExchangeKind, QueuedBody
from trust.exchange.message import Message
from trust.exchange.persons import CONSENT, ConcernedPerson, Part, person_fields
from trust.strict_json import JsonObject

_OTHER_ROUTES = (
    "Without it the person can apply to the authority themselves; if a person is in danger, send an alert, which needs "
    "no consent under a clause that rests on none."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKinds:
    """The kinds of both services, as their superiors vouch for them; ``None`` where a kind is not known."""

    sender: str | None = None
    recipient: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PermittedContent:
    """What of a queued message may be sent: the fields, and the body and persons that are left."""

    fields: frozenset[str]
    body: QueuedBody
    persons: tuple[ConcernedPerson, ...]


def permit_content(
    message: Message, body: QueuedBody, *, clause: Clause, kind: ExchangeKind, services: ServiceKinds, now: datetime
) -> PermittedContent | Denial:
    """Return what the clause permits of a queued message, or why it may not be sent.

    1. body and persons belong together;
    2. no alleged perpetrator works at the recipient, its kind may receive this, and it is the agency that was chosen;
    3. the sender may cite a lawful basis of the clause, and all else in its basis;
    4. a person is left after the cut, and the body still has what its kind and version require;
    5. each person who is left consented, where the clause or the body calls for it. Alleged perpetrators are not sent
       under such a clause.
    """
    faults = tuple(body.faults(message.persons, from_seconds(message.iat).date()))
    if faults:  # 1
        return deny(DenialCode.MALFORMED_BODY, detail=_list_faults(faults))
    denial = _check_recipient(message, body, services.recipient) or _check_citing(clause, services.sender, now)  # 2, 3
    if denial is not None:
        return denial
    content = _cut(message, body, clause)
    return (
        _check_whole(content, body, kind.parsers[message.version])  # 4
        or next(_deny_consents(content, clause, now), None)  # 5
        or content
    )


def deny_ended_persons(content: PermittedContent, clause: Clause, ended: frozenset[str]) -> Denial | None:
    """Return why a message may not be sent although it shows consents: one of them is known to have ended."""
    needed = clause.consent_roles | content.body.consent_roles
    for person in content.persons:
        denial = deny_ended(needed, person.ref, ended)
        if denial is not None:
            return _with_other_routes(denial, content.body).about(person.ref)
    return None


def hide_place(
    content: PermittedContent, message: Message, kind: ExchangeKind, restriction: LocationRestriction
) -> PermittedContent | Denial:
    """Return the permitted content without what reveals a restricted place, or why it may not be sent.

    1. no text that would be sent has a restricted value or a postcode; 2. the fields that reveal a place are cut
    together; 3. what is left still has what its kind requires.
    """
    refs = {person.ref for person in content.persons}
    faults = [each for each in restriction.texts if each.field in content.fields and set(each.about) <= refs]
    if faults:  # 1
        where = "; ".join(f"{each.path}: {each.problem}" for each in faults)
        return deny(DenialCode.PLACE_IN_TEXT, detail=f"At fault: {where}.")
    body = protect_body(content.body, message.kind)  # 2
    places = (content.body.fields or frozenset()) - (body.fields or frozenset())
    rest = PermittedContent(fields=content.fields - places, body=body, persons=content.persons)
    return _check_whole(rest, content.body, kind.parsers[message.version]) or rest  # 3


def _check_recipient(message: Message, body: QueuedBody, kind: str | None) -> Denial | None:
    if message.holder in body.conflicts:
        return deny(DenialCode.RECIPIENT_CONFLICT)
    permitted = body.recipient_kinds
    if permitted is not None and kind is not None and kind.replace("_", "-") not in permitted:
        return deny(DenialCode.RECIPIENT_KIND, detail=f"It may go to: {', '.join(sorted(permitted))}.")
    if body.chosen_recipient not in (None, message.aud):
        return deny(DenialCode.RECIPIENT_NOT_CHOSEN)
    return None


def _check_citing(clause: Clause, kind: str | None, now: datetime) -> Denial | None:
    if kind is None:
        return None
    today = now.astimezone(UTC).date()
    cited = [lookup(code, today) for code in clause.basis]
    bases = [entry for entry in cited if entry.part is LegalPart.LAWFUL_BASIS]
    entries = [entry for entry in cited if entry not in bases and cannot_cite(entry, kind)]
    if all(cannot_cite(entry, kind) for entry in bases):  # each controller has a basis of its own: one must be its
        entries += bases
    if not entries:
        return None
    whose = "; ".join(f"{entry.code} is for {entry.relied_on_by}" for entry in entries)
    return deny(DenialCode.BASIS_NOT_OPEN, detail=f"{whose}.")


def _cut(message: Message, body: QueuedBody, clause: Clause) -> PermittedContent:
    fields = clause.fields_by_role[message.practitioner.role] & (body.fields | person_fields(message.persons))
    if clause.consent_roles or body.consent_roles:
        fields = (fields | {CONSENT}) - {Part.ALLEGED_PERPETRATOR.field}
    persons, cut = cut_message(message, body, fields)
    return PermittedContent(fields=fields, body=cut, persons=persons)


def _check_whole(content: PermittedContent, body: QueuedBody, parse: Callable[[JsonObject], object]) -> Denial | None:
    if not content.persons:
        return deny(DenialCode.NO_PERSON_PERMITTED)
    try:
        parse(content.body.to_body())
    except MalformedBody as malformed:
        cut = sorted(body.fields - content.body.fields)
        lost = f" What this clause takes out: {', '.join(map(shown, cut))}." if cut else ""
        return deny(DenialCode.FIELDS_INCOMPLETE, detail=f"{_list_faults(malformed.faults)}{lost}")
    return None


def _deny_consents(content: PermittedContent, clause: Clause, now: datetime) -> Iterator[Denial]:
    for person in content.persons:
        denial = deny_consent(clause.consent_roles | content.body.consent_roles, person.consent, now)
        if denial is None and content.body.consent_roles:
            denial = deny_unsigned(person.consent)
        if denial is not None:
            yield _with_other_routes(denial, content.body).about(person.ref)


def _with_other_routes(denial: Denial, body: QueuedBody) -> Denial:
    """Add the lawful routes that are left where a statute itself asks for consent (S8)."""
    return replace(denial, remedy=f"{denial.remedy} {_OTHER_ROUTES}") if body.consent_roles else denial


def _list_faults(faults: tuple[Fault, ...]) -> str:
    return f"At fault: {'; '.join(map(str, faults))}."
