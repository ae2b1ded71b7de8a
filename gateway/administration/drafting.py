"""Drafts of agreements: write one from a template, check one, and give the bytes that its parties sign.

1. The parties come with their services, kinds and duty lines; the kinds say who takes which part in a template.
2. A clause that no service can ask or answer under is left out, and so is a law that the services may not cite.
3. A question without an answer stays blank, and a draft with a blank is refused.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gateway.administration.agreement_templates import (
    PLACE,
    AgreementTemplate,
    ClauseTemplate,
    TemplateQuestion,
)
from gateway.administration.context import now
from gateway.administration.setup.config_files import quote
from trust.agreements.lawful_basis import LegalEntry, LegalPart, cannot_cite, lookup, not_in_force
from trust.agreements.legal_entry import UkNation
from trust.exchange.kind import is_queued, join_words
from trust.exchange.kinds import KINDS
from trust.exchange.reader import one_line

_NATIONS = tuple(UkNation)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftService:
    """A service of a party, as its node publishes it. One that ``asks_only`` holds nothing."""

    slug: str
    kind: str
    name: str = ""
    duty_phone: str = ""
    asks_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftParty:
    """A party of a draft, with the nations in which it acts."""

    entity: str
    name: str
    services: tuple[DraftService, ...]
    nations: frozenset[UkNation] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedDraft:
    """A draft's text, what was left out of its template and why, and the questions that are not answered."""

    text: str
    notes: tuple[str, ...]
    open_questions: tuple[TemplateQuestion, ...]


@dataclass(frozen=True, slots=True)
class _End:
    """A service at one end of a clause."""

    party: DraftParty
    service: DraftService

    @property
    def ref(self) -> str:
        return f"{self.party.entity}#{self.service.slug}"


def default_answers(template: AgreementTemplate, parties: Sequence[DraftParty]) -> Mapping[str, str]:
    """Return the answers that follow from the template, the parties and the day."""
    names = join_words(party.name for party in parties) if parties else ""
    slug = re.sub(r"[^a-z0-9]+", "-", f"{parties[0].name} {template.name}".lower()).strip("-") if parties else ""
    today = now().date()
    first = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    computed = {
        "id": slug[:64].strip("-"),
        "title": one_line(f"{template.title}: {names}")[:200],
        "valid_from": first.isoformat(),
        "review_date": first.replace(year=first.year + 1).isoformat(),
        "valid_until": first.replace(year=first.year + 2).isoformat(),
    }
    return {question.name: computed.get(question.name, question.default) for question in template.questions}


def compose(
    template: AgreementTemplate,
    parties: Sequence[DraftParty],
    answers: Mapping[str, str],
    *,
    file: str,
    under: tuple[str, str] | None = None,
) -> ComposedDraft:
    """Return the draft that a template makes of its parties and answers. Nothing is checked here."""
    writer = _Writer(template, parties, answers)
    clauses = [text for clause in template.clauses for text in writer.clause(clause)]
    values = {question.name: _answer(question.name, answers) for question in template.questions}
    values |= {"file": one_line(file), "powers": _list(writer.powers)}
    values["admitting"] = ", ".join(quote(party.entity) for party in parties[:1])
    if under is not None:
        values["under"] = f"{{id = {quote(under[0])}, digest = {quote(under[1])}}}"
    pieces = [_fill(template.head, values), _parties(parties), *(_fill(text, values) for text in clauses)]
    open_questions = tuple(each for each in template.questions if not answers.get(each.name, "").strip())
    return ComposedDraft(text="\n".join(pieces), notes=tuple(writer.notes), open_questions=open_questions)


class _Writer:
    """Writes the clauses of one draft, and gathers the powers that they cite and what was left out."""

    def __init__(self, template: AgreementTemplate, parties: Sequence[DraftParty], answers: Mapping[str, str]) -> None:
        self._template = template
        self._ends = [_End(party, service) for party in parties for service in party.services]
        self._on = _day(answers.get("valid_from", ""))
        self.powers: list[str] = []
        self.notes: list[str] = []

    def clause(self, clause: ClauseTemplate) -> list[str]:
        """Return the clause for the services that may take part, and one more for senders who may cite other laws."""
        name = clause.value("id")
        holders = [end for end in self._taking(clause.holders) if not end.service.asks_only]
        askers = self._taking(clause.askers)
        entries = self._entries(clause, [*askers, *holders])
        askers, holders = (self._with_law(ends, entries, clause) for ends in (askers, holders))
        if not askers or not holders or len({end.ref for end in (*askers, *holders)}) == 1:
            self._leave_out(clause, name)
            return []
        queued = is_queued(KINDS, clause.value("kind"))
        groups = _by_laws(askers, entries) if queued else [askers]
        return [
            self._write(clause, senders, holders, entries, suffix=f"-{place + 1}" if place else "")
            for place, senders in enumerate(groups)
            if len({end.ref for end in (*senders, *holders)}) > 1
        ]

    def _taking(self, part: str) -> list[_End]:
        kinds = self._template.parts[part]
        return [end for end in self._ends if kinds is None or end.service.kind.replace("_", "-") in kinds]

    def _entries(self, clause: ClauseTemplate, ends: Iterable[_End]) -> list[LegalEntry]:
        """Return the laws of a clause that are in force and apply where its services are."""
        nations = {nation for end in ends for nation in end.party.nations}
        local = [code for nation in _NATIONS if nation in nations for code in clause.basis_by_nation.get(nation, ())]
        entries = [lookup(code, self._on) for code in dict.fromkeys([*clause.basis, *local])]
        return [entry for entry in entries if not not_in_force(entry, self._on)]

    def _with_law(self, ends: Iterable[_End], entries: Sequence[LegalEntry], clause: ClauseTemplate) -> list[_End]:
        """Leave out a service that has no lawful basis among the laws, or no power where it is."""
        name, citing = clause.value("id"), []
        for end in ends:
            if not any(_is_basis(entry) and not cannot_cite(entry, end.service.kind) for entry in entries):
                self.notes.append(f"{end.ref} is left out of clause {name}: no lawful basis there is for its kind.")
            elif end.party.nations and clause.basis_by_nation.keys().isdisjoint(end.party.nations):
                self.notes.append(f"{end.ref} is left out of clause {name}: no power there applies where it is.")
            else:
                citing.append(end)
        return citing

    def _leave_out(self, clause: ClauseTemplate, name: str) -> None:
        kinds = [self._template.parts[part] for part in (clause.askers, clause.holders)]
        kinds_needed = " and ".join("any" if each is None else " or ".join(sorted(each)) for each in kinds)
        self.notes.append(f"Clause {name} is left out: it needs services of these kinds: {kinds_needed}.")

    def _write(
        self,
        clause: ClauseTemplate,
        askers: Sequence[_End],
        holders: Sequence[_End],
        entries: Sequence[LegalEntry],
        *,
        suffix: str,
    ) -> str:
        laws = [entry for entry in entries if _fits(entry, askers, holders, clause.value("kind"))]
        self.powers += [entry.code for entry in laws if entry.part is LegalPart.POWER and entry.code not in self.powers]
        values = {
            "askers": _list([end.ref for end in askers]),
            "holders": _list([end.ref for end in holders]),
            "basis": _list([entry.code for entry in laws]),
        }
        text = _fill(clause.text, values) + "\n"
        return re.sub(r'^(id = "[^"]*)"$', rf'\1{suffix}"', text, count=1, flags=re.MULTILINE)


def _is_basis(entry: LegalEntry) -> bool:
    return entry.part is LegalPart.LAWFUL_BASIS


def _fits(entry: LegalEntry, askers: Sequence[_End], holders: Sequence[_End], kind: str) -> bool:
    """Say whether a clause may name a law: some end has it as its lawful basis, or those who disclose may cite it."""
    disclosing = askers if is_queued(KINDS, kind) else holders
    if _is_basis(entry):
        return any(not cannot_cite(entry, end.service.kind) for end in (*askers, *holders))
    citing = [not cannot_cite(entry, end.service.kind) for end in disclosing]
    return all(citing) if is_queued(KINDS, kind) else any(citing)


def _by_laws(senders: Sequence[_End], entries: Sequence[LegalEntry]) -> list[list[_End]]:
    """Group senders who may cite the same laws: each sender of a clause cites all of it but the lawful bases."""
    groups: dict[tuple[str, ...], list[_End]] = {}
    for end in senders:
        codes = (each.code for each in entries if not _is_basis(each) and not cannot_cite(each, end.service.kind))
        groups.setdefault(tuple(codes), []).append(end)
    return list(groups.values())


def _parties(parties: Sequence[DraftParty]) -> str:
    return "\n".join(_party(party) for party in parties)


def _party(party: DraftParty) -> str:
    services = "".join(f"  {quote(each.slug)},{_note(each)}\n" for each in party.services)
    nations = ", ".join(quote(nation) for nation in _NATIONS if nation in party.nations)
    return (
        f"[[parties]]\nentity = {quote(party.entity)}\nname = {quote(party.name)}\nservices = [\n{services}]\n"
        f"# The nations in which it acts: {', '.join(_NATIONS)}\nnations = [{nations}]\n"
    )


def _note(service: DraftService) -> str:
    facts = [service.name, service.kind, f"duty line {service.duty_phone}" if service.duty_phone else ""]
    facts.append("asks only" if service.asks_only else "")
    text = ", ".join(fact for fact in facts if fact)
    return f"  # {one_line(''.join(each if each.isprintable() else ' ' for each in text))}" if text else ""


def _answer(name: str, answers: Mapping[str, str]) -> str:
    text = one_line(answers.get(name, ""))
    return text if name in {"valid_from", "valid_until", "review_date"} and _is_day(text) else quote(text)


def _list(texts: Sequence[str]) -> str:
    if len(texts) <= 1:
        return f"[{', '.join(quote(text) for text in texts)}]"
    return "[\n" + "".join(f"  {quote(text)},\n" for text in texts) + "]"


def _fill(text: str, values: Mapping[str, str]) -> str:
    return PLACE.sub(lambda place: values.get(place[1], place[0]), text)


def _is_day(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text)) and _day(text) != date.max


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.max
