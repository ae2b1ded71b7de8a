"""An agreement in plain English: the whole document, and who signed it.

Each line is a sentence or a list, without indentation. Every field of an agreement and of a clause belongs to one of
the passages below; a test holds the two together, so that no signatory signs what was not shown.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from trust.agreements.agreement import PROSE, Agreement, AgreementSignature, Party
from trust.agreements.clause import Clause, Existence, Onward
from trust.agreements.confirmation import why_confirmed
from trust.agreements.lawful_basis import LegalEntry, lookup
from trust.agreements.legal_entry import UkNation
from trust.agreements.location import silent_fields
from trust.agreements.time_terms import DEFAULT_TERM, TimeUnit
from trust.exchange.consent import ConsentRole
from trust.exchange.kind import is_queued, join_words
from trust.exchange.kinds import KINDS
from trust.federation.trust_mark import name_mark
from trust.identifiers import ServiceRef

EXISTENCE = {
    Existence.UNCONDITIONAL: "A holder says so when it does not know the person.",
    Existence.CONDITIONAL: "A holder never says whether it knows the person unless it shares: silence means nothing.",
}
_RECEIPTS = "Receipts never say whether the recipient knows the person."
ONWARD = {
    Onward.NONE: "It may not be passed on.",
    Onward.WITHIN_AGENCY: "It may be passed on within the agency that received it.",
}
CONSENT = {
    ConsentRole.LAWFUL_BASIS: "as the legal basis",
    ConsentRole.CONFIDENTIALITY: "to set confidentiality aside",
    ConsentRole.STATUTORY_CONDITION: "as a statute requires",
    ConsentRole.ENGAGEMENT: "to work with a service",
}
NATIONS = {
    UkNation.ENGLAND: "England",
    UkNation.WALES: "Wales",
    UkNation.SCOTLAND: "Scotland",
    UkNation.NORTHERN_IRELAND: "Northern Ireland",
}
_UNTIL_CONFIRMED = (
    "Nothing flows between the two before, unless that party confirms it; "
    "after an objection nothing flows until it does."
)
_GRANTS = frozenset({"askers", "lists", "fields_by_role"})
"""Fields of a clause whose passages say who may do what."""
_SUBJECT_DEFAULT = (
    "of the person: the names, birth date and gender, the identifiers of its own sector, and the postcode where it is "
    "sent no identifier"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One headed part of a reading."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The fields that one passage reads out, and how."""

    fields: tuple[str, ...]
    heading: str
    read: Callable[[Agreement], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClausePassage:
    """The fields of a clause that one passage reads out, and how."""

    fields: tuple[str, ...]
    read: Callable[[Clause, Agreement], Sequence[str]]


def read_out(agreement: Agreement) -> tuple[Section, ...]:
    """Return the whole document, section by section, with one section for each clause."""
    before = [Section(heading=each.heading, lines=tuple(each.read(agreement))) for each in PASSAGES]
    clauses = [
        Section(heading=f"Clause {clause.id}", lines=tuple(read_clause_out(clause, agreement)))
        for clause in agreement.clauses
    ]
    return tuple(section for section in (*before, *clauses) if section.lines)


def read_clause_out(clause: Clause, agreement: Agreement) -> list[str]:
    """Return what one clause permits."""
    return [line for passage in CLAUSE_PASSAGES for line in passage.read(clause, agreement)]


def read_terms_out(clause: Clause, agreement: Agreement) -> list[str]:
    """Return the terms of a clause: everything but services, roles, fields and the kind's own words."""
    return [
        line
        for passage in CLAUSE_PASSAGES
        if not _GRANTS & set(passage.fields)
        for line in passage.read(clause, agreement)
    ]


def name_services(services: Iterable[ServiceRef], agreement: Agreement) -> str:
    """Return services with the names of their agencies, as one list in words."""
    return join_words(_service(service, agreement) for service in sorted(services, key=str))


def cited_entries(agreement: Agreement) -> tuple[LegalEntry, ...]:
    """Return each law that the clauses and the agreement's own list cite, once, as it stood on its first day."""
    codes = (*(code for clause in agreement.clauses for code in clause.basis), *agreement.powers)
    return tuple(lookup(code, agreement.valid_from) for code in dict.fromkeys(codes))


def signatories(agreement: Agreement, signatures: Iterable[AgreementSignature]) -> list[str]:
    """Return who signed for each party, in which post and on which day, or that it has not signed."""
    signed = {signature.party: signature for signature in signatures}
    lines = []
    for party in agreement.parties:
        found = signed.get(party.entity)
        if found is None:
            lines.append(f"{party.name}: has not signed.")
        else:
            day = datetime.fromtimestamp(found.signed_at, UTC).date()
            who = found.signatory
            lines.append(f"{party.name}: signed by {who.name}, {who.post}, on {in_words(day)}.")
    return lines


def in_words(day: date) -> str:
    """Write a day as people do."""
    return f"{day.day} {day:%B} {day.year}"


def _identity(agreement: Agreement) -> list[str]:
    return [f"{agreement.id}, version {agreement.version}, digest {agreement.ref.digest}"]


def _days(agreement: Agreement) -> list[str]:
    return [
        f"It begins on {in_words(agreement.valid_from)}.",
        f"Its last day is {in_words(agreement.valid_until)}.",
        f"It is to be reviewed by {in_words(agreement.review_date)}.",
    ]


def _parties(agreement: Agreement) -> list[str]:
    lines = []
    for party in agreement.parties:
        lines.append(f"{party.name} ({party.entity}{_nations(party)}): {', '.join(party.services)}")
        if party.complaints:
            lines.append(f"A person complains to {party.name} so: {party.complaints}")
        if party.processors:
            lines.append(f"These process for {party.name}: {join_words(party.processors)}")
    return lines


def _endings(agreement: Agreement) -> list[str]:
    lines = ["Each party may leave; the agreement goes on between the others."]
    if agreement.ended_by:
        names = join_words([party.name for party in agreement.parties if party.entity in agreement.ended_by])
        lines.append(f"It ends for all parties only if {names} ends it.")
    else:
        lines.append("It ends for all parties if one of them ends it.")
    return [*lines, *(sentence for _, sentence in sorted(agreement.leavers.items()))]


def _suspensions(agreement: Agreement) -> list[str]:
    if not agreement.suspended_by:
        return ["No party may suspend it."]
    names = [party.name for party in agreement.parties if agreement.may_suspend(party.entity)]
    several = " Each of them may resume what another suspended." if len(names) > 1 else ""
    return [f"{join_words(names)} may suspend it for all parties, and resume it.{several}"]


def _expected(agreement: Agreement) -> list[str]:
    if not agreement.expected:
        return []
    lines = [f"{party.name} ({party.entity}): {', '.join(party.services)}" for party in agreement.expected]
    return ["A lookup names each of these that it did not ask, and why:", *lines]


def _joining(agreement: Agreement) -> list[str]:
    lines = []
    for each in agreement.joining:
        admitting = [party.name for party in agreement.parties if party.entity in each.admitted_by]
        lines += [
            f"{each.title} ({each.id}) may join: each signs an accession, and {' or '.join(admitting)} admits it.",
            f"Each of its services that joins is of one of these kinds: {join_words(each.kinds)}.",
            f"It holds: {join_words(map(name_mark, each.marks))}.",
            f"Any other party may object for {each.objection_days} days. {_UNTIL_CONFIRMED}",
        ]
    if agreement.joiners:
        lines.append("These have joined:")
    lines += [f"{each.party.name} ({each.party.entity}), as {each.class_id}" for each in agreement.joiners.values()]
    return [*lines, *(pair.reason for pair in agreement.pairs.values() if pair.reason)]


def _nations(party: Party) -> str:
    return (
        f", in {join_words(NATIONS[nation] for nation in UkNation if nation in party.nations)}" if party.nations else ""
    )


def _tier(agreement: Agreement) -> list[str]:
    if agreement.overarching:
        return ["This is an overarching agreement: nothing is shared under it but by a schedule that the parties sign."]
    if agreement.under is None:
        return []
    headings = [_PROSE_HEADINGS[name] for name in PROSE if not getattr(agreement, name)]
    rest = f" That agreement also says: {', '.join(headings)}." if headings else ""
    return [f"This is a schedule under {agreement.under.id}, digest {agreement.under.digest}.{rest}"]


def _purposes(agreement: Agreement) -> list[str]:
    return [f"{purpose.code}: {purpose.description}" for purpose in agreement.purposes]


def _powers(agreement: Agreement) -> list[str]:
    entries = [lookup(code, agreement.valid_from) for code in agreement.powers]
    return [f"{entry.title} ({entry.power}) [{entry.code}]" for entry in entries]


def _marks(agreement: Agreement) -> list[str]:
    if not agreement.required_marks:
        return []
    marks = [name_mark(mark_type) for mark_type in agreement.required_marks]
    return ["No party asks or is asked without holding:", *marks]


def _who(clause: Clause, agreement: Agreement) -> list[str]:
    ends = (clause.askers, clause.holders)
    askers, holders = (name_services(each, agreement) if each else "each that joined" for each in ends)
    kind = KINDS.get(clause.kind)
    what = f"{kind.description if kind else clause.kind} ({clause.kind}, version {clause.version})"
    return [f"For {clause.purpose}, {askers} may {'send' if _queued(clause) else 'ask'} {holders} {what}."]


def _joiners(clause: Clause, _: Agreement) -> list[str]:
    if not clause.lets_join:
        return []
    ends = ((clause.joining_askers, "ask" if not _queued(clause) else "send"), (clause.joining_holders, "be asked"))
    ends = ends if not _queued(clause) else (ends[0], (clause.joining_holders, "be sent to"))
    lines = [f"So may {verb}: those who joined as {join_words(sorted(classes))}." for classes, verb in ends if classes]
    reasons = why_confirmed(clause)
    if reasons:
        lines.append(f"Each party must confirm each of them first: {join_words(reasons)}.")
    return lines


def _lists(clause: Clause, _: Agreement) -> list[str]:
    kind = KINDS.get(clause.kind)
    lists = ((each, clause.lists.get(each.name)) for each in (kind.clause_lists if kind else ()))
    return [each.passage(words) for each, words in lists if words]


def _roles(clause: Clause, _: Agreement) -> list[str]:
    return [
        f"a {role} {'may send' if _queued(clause) else 'is told'}: {', '.join(sorted(fields)) or 'nothing'}"
        for role, fields in sorted(clause.fields_by_role.items())
    ]


def _subject(clause: Clause, agreement: Agreement) -> list[str]:
    told = clause.subject_by_holder
    lines = [
        f"{_service(holder, agreement)} is sent of the person: {', '.join(sorted(members)) or 'nothing'}"
        for holder, members in sorted(told.items(), key=str)
    ]
    if clause.holders - told.keys():
        lines.append(f"{'each other holder' if told else 'each holder'} is sent {_SUBJECT_DEFAULT}")
    return lines


def _law(clause: Clause, _: Agreement) -> list[str]:
    return [f"{clause.law} [{', '.join(clause.basis)}]"]


def _consent(clause: Clause, _: Agreement) -> list[str]:
    if not clause.consent_roles:
        return ["It does not rest on the person's consent."]
    roles = join_words(CONSENT[role] for role in sorted(clause.consent_roles))
    what = "each person who is sent comes with" if _queued(clause) else "each question carries"
    return [f"It rests on the person's consent ({roles}): {what} the record of it, and is refused without."]


def _existence(clause: Clause, _: Agreement) -> list[str]:
    return [_RECEIPTS if _queued(clause) else EXISTENCE[clause.existence]]


def _keeping(clause: Clause, _: Agreement) -> list[str]:
    days = "1 day" if clause.keep_days == 1 else f"{clause.keep_days} days"
    what = "What is sent" if _queued(clause) else "The answer"
    return [f"{what} is kept for {days} at most. {ONWARD[clause.onward]}"]


def _review(clause: Clause, _: Agreement) -> list[str]:
    return [] if clause.review_when is None else [f"The parties review this clause when {clause.review_when}."]


def _budgets(clause: Clause, _: Agreement) -> list[str]:
    if _queued(clause):
        urgent = " Urgent: it goes on while the anchor is away." if clause.urgent else ""
        return [f"{_MANY_MESSAGES}{urgent}"]
    if clause.urgent:
        return ["Urgent: never refused for the number of questions, and goes on while the anchor is away."]
    return ["Each party sets how often it may be asked; a question over that budget is refused and flagged."]


def _response(clause: Clause, _: Agreement) -> list[str]:
    if clause.respond_within is None and not _queued(clause):
        return []
    term = clause.respond_within or DEFAULT_TERM
    when = str(term) if term.unit is TimeUnit.SCHOOL_DAY else f"within {term}"
    return [f"The recipient decides {when}; a red message counts every hour, at night and on days off too."]


def _location(clause: Clause, agreement: Agreement) -> list[str]:
    silent, recipients = sorted(silent_fields(clause)), clause.location_recipients
    lines = []
    if silent:
        lines.append(f"Of a person whose place is restricted, these are silent: {join_words(silent)}.")
    if recipients:
        who = name_services(recipients, agreement)
        lines.append(f"Such a person's place may go to {who}, if it is not linked to the alleged perpetrator.")
    return lines


def _queued(clause: Clause) -> bool:
    return is_queued(KINDS, clause.kind)


def _service(service: ServiceRef, agreement: Agreement) -> str:
    party = agreement.party(service.entity)
    return f"{service.service} ({party.name if party else service.entity})"


def _prose(name: str) -> Passage:
    return Passage(fields=(name,), heading=_PROSE_HEADINGS[name], read=lambda agreement: _lines(agreement, name))


def _lines(agreement: Agreement, name: str) -> list[str]:
    text: str = getattr(agreement, name)
    return [text] if text else []


_MANY_MESSAGES = (
    "Each party sets how many messages it takes at a time; one that exceeds that waits at its sender and is not lost."
)
_PROSE_HEADINGS = {
    "benefits": "Benefits",
    "individuals_informed": "How people are told",
    "consent_text": "Consent",
    "rights": "People's rights",
    "retention": "How long records are kept",
    "security": "Security",
    "dpia_reference": "Data protection impact assessment",
    "policy_document": "Appropriate policy document",
}


PASSAGES: tuple[Passage, ...] = (
    Passage(fields=("ref",), heading="Agreement", read=_identity),
    Passage(fields=("title",), heading="Title", read=lambda agreement: [agreement.title]),
    Passage(fields=("overarching", "under"), heading="Tier", read=_tier),
    Passage(fields=("valid_from", "valid_until", "review_date"), heading="Days", read=_days),
    Passage(fields=("parties", "services"), heading="Parties", read=_parties),
    Passage(fields=("joining", "joiners", "pairs"), heading="Parties that may join", read=_joining),
    Passage(fields=("expected",), heading="Expected parties", read=_expected),
    Passage(fields=("ended_by", "leavers"), heading="Leaving and ending", read=_endings),
    Passage(fields=("suspended_by",), heading="Suspension", read=_suspensions),
    Passage(fields=("purposes",), heading="Purposes", read=_purposes),
    Passage(fields=("powers",), heading="Powers relied on", read=_powers),
    Passage(fields=("items",), heading="What is shared", read=lambda agreement: agreement.items),
    *(_prose(name) for name in _PROSE_HEADINGS),
    Passage(fields=("required_marks",), heading="Trust marks", read=_marks),
)
"""Every field of an agreement but its clauses, in the order in which it is read out; the first always changes."""

CLAUSE_PASSAGES: tuple[ClausePassage, ...] = (
    ClausePassage(fields=("kind", "version", "purpose", "askers", "holders"), read=_who),
    ClausePassage(fields=("joining_askers", "joining_holders", "joining_confirmed"), read=_joiners),
    ClausePassage(fields=("lists",), read=_lists),
    ClausePassage(fields=("fields_by_role",), read=_roles),
    ClausePassage(fields=("subject_by_holder",), read=_subject),
    ClausePassage(fields=("basis", "law"), read=_law),
    ClausePassage(fields=("consent_roles",), read=_consent),
    ClausePassage(fields=("existence",), read=_existence),
    ClausePassage(fields=("keep_days", "onward"), read=_keeping),
    ClausePassage(fields=("urgent",), read=_budgets),
    ClausePassage(fields=("respond_within",), read=_response),
    ClausePassage(fields=("location_recipients",), read=_location),
    ClausePassage(fields=("review_when",), read=_review),
)
"""Every field of a clause but its id."""
