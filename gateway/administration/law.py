"""The legal register for an administrator: list it, show one law, check what may be cited, and the agreements held."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.settings import NodeSettings
from gateway.administration.context import now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from trust.agreements.agreement import Agreement
from trust.agreements.bodies import PublicBody
from trust.agreements.draft import drafting_faults
from trust.agreements.lawful_basis import extends_to, lookup, not_in_force
from trust.agreements.legal_entry import TO_BE_CONFIRMED, UNITED_KINGDOM, Commencement, LegalEntry, LegalPart, UkNation
from trust.agreements.legal_register import REGISTER, register_digest
from trust.agreements.reading import NATIONS, in_words
from trust.errors import TrustError

_ADVICE = "This register is the understanding of the drafters of this software and no legal advice."


@dataclass(frozen=True, slots=True, kw_only=True)
class LawFilter:
    """Which entries are asked for, and on which day; all of them where nothing is set."""

    on: date
    nation: UkNation | None = None
    part: LegalPart | None = None

    def keeps(self, entry: LegalEntry) -> bool:
        """Say whether an entry is among those."""
        return self.part in (None, entry.part) and (self.nation is None or self.nation in entry.extent)


def list_laws(chosen: LawFilter) -> UseCaseResult:
    """List the entries of the register by their part, with the day from which each is in force."""
    lines: list[str] = []
    entries = [entry for entry in REGISTER if chosen.keeps(entry)]
    for part in LegalPart:
        of_part = [entry for entry in entries if entry.part is part]
        if of_part:
            lines += [f"{part.capitalize()}:", *(_line(entry, chosen.on) for entry in of_part)]
    return UseCaseResult(
        lines=[*lines, f"Digest of the register: {register_digest()}", _ADVICE],
        data={
            "digest": register_digest(),
            "on": chosen.on.isoformat(),
            "laws": [_to_json(each, chosen.on) for each in entries],
        },
    )


def show_law(code: str, on: date) -> UseCaseResult:
    """Show every entry of a code in full. Raises :class:`OperationRefused`."""
    entries = [entry for entry in REGISTER if entry.code == code]
    if not entries:
        raise OperationRefused(f"The legal register has no code {code}; see `hearthgate law list`.")
    lines = [line for entry in entries for line in _full(entry, on)]
    return UseCaseResult(
        lines=[*lines, _ADVICE], data={"digest": register_digest(), "laws": [_to_json(entry, on) for entry in entries]}
    )


def check_laws(codes: Sequence[str], *, on: date, body: PublicBody | None, nation: UkNation | None) -> UseCaseResult:
    """Say of each code whether an agreement that begins on a day may cite it, for such a body in such a nation."""
    results = [(code, list(_faults(code, on, body, nation))) for code in codes]
    lines = [
        line
        for code, faults in results
        for line in (
            [f"{code}: may be cited{_conditions(code, on)}"] if not faults else [f"{code}: {fault}" for fault in faults]
        )
    ]
    return UseCaseResult(
        lines=[*lines, _ADVICE],
        data={
            "digest": register_digest(),
            "on": on.isoformat(),
            "laws": [{"code": code, "ok": not faults, "faults": faults} for code, faults in results],
        },
        ok=not any(faults for _, faults in results),
    )


def check_held(settings: NodeSettings) -> UseCaseResult:
    """Check the laws that the agreements in force here cite, as a draft of today would be checked."""
    at = now()
    with opened_store(settings) as store:
        agreements = [standing.agreement for standing in AgreementRegistry(store).in_force(now=at)]
    lines: list[str] = []
    documents: list[dict[str, Any]] = []
    for agreement in agreements:
        faults = [str(fault) for fault in drafting_faults(agreement)]
        doubts = sorted({entry.code for entry in _cited(agreement) if not entry.confirmed})
        lines.append(
            f"{agreement.id} version {agreement.version}: {'its laws hold' if not faults else 'look at it again'}"
        )
        lines += [f"  - {fault}" for fault in faults]
        lines += [f"  {TO_BE_CONFIRMED} by counsel: {', '.join(doubts)}"] if doubts else []
        documents.append(
            {"id": agreement.id, "version": agreement.version, "faults": faults, "to_be_confirmed": doubts}
        )
    return UseCaseResult(
        lines=[*(lines or ["No agreement is in force here."]), f"Digest of the register: {register_digest()}"],
        data={"digest": register_digest(), "agreements": documents},
        ok=not any(document["faults"] for document in documents),
    )


def _faults(code: str, on: date, body: PublicBody | None, nation: UkNation | None) -> Iterator[str]:
    try:
        entry = lookup(code, on)
    except TrustError as refused:
        yield refused.detail
        return
    bodies = frozenset({body}) if body else None
    if body is not None and body not in entry.bodies:
        yield f"is for {entry.relied_on_by}, and not for a {body}"
    elif reason := not_in_force(entry, on, bodies):
        yield f"is not in force on {on.isoformat()}: {reason}"
    if nation is not None and not extends_to(entry, frozenset({nation})):
        yield f"applies in {_extent(entry)}, and not in {NATIONS[nation]}"


def _conditions(code: str, on: date) -> str:
    entry = lookup(code, on)
    needs = [
        "with the person's consent" if entry.consent_needed else "",
        "with an appropriate policy document" if entry.policy_document else "",
        f"({TO_BE_CONFIRMED} by counsel)" if not entry.confirmed else "",
    ]
    return "".join(f" {need}" for need in needs if need)


def _cited(agreement: Agreement) -> Iterator[LegalEntry]:
    codes = {*agreement.powers, *(code for clause in agreement.clauses for code in clause.basis)}
    return (lookup(code, agreement.valid_from) for code in sorted(codes))


def _line(entry: LegalEntry, on: date) -> str:
    day = entry.in_force_from
    force = f"in force from {day.isoformat()}" if day is not None else "NOT IN FORCE"
    if day is not None and day > on:
        force = f"NOT IN FORCE until {day.isoformat()}"
    doubt = "" if entry.confirmed else f"; {TO_BE_CONFIRMED}"
    return f"  {entry.code}: {entry.title}; {_extent(entry)}; {force}{doubt}"


def _full(entry: LegalEntry, on: date) -> Iterator[str]:
    yield f"{entry.code}: {entry.title}"
    yield f"  {entry.part}: {entry.power}"
    yield f"  may be relied on by {entry.relied_on_by}; applies in {_extent(entry)}"
    yield f"  enacted on {in_words(entry.enacted)}" if entry.enacted else "  common law"
    yield from (f"  {_stage(each)}" for each in entry.commencements)
    if reason := not_in_force(entry, on):
        yield f"  no agreement may cite it from {in_words(on)}: {reason}"
    if entry.consent_needed:
        yield "  it fails without the person's consent"
    if entry.policy_document:
        yield "  it holds only with an appropriate policy document (Data Protection Act 2018, Schedule 1, Part 4)"
    yield f"  source: {entry.source}"
    yield f"  counsel's confirmation: {'given' if entry.confirmed else TO_BE_CONFIRMED}"


def _stage(commencement: Commencement) -> str:
    by = f" by {commencement.by}" if commencement.by else ""
    if commencement.on is not None:
        return f"in force from {in_words(commencement.on)}{by}, for {commencement.purpose}"
    announced = commencement.announced
    notice = f"; {in_words(announced)} was announced ({TO_BE_CONFIRMED})" if announced else ""
    return f"not in force: no day is appointed{by}, for {commencement.purpose}{notice}"


def _extent(entry: LegalEntry) -> str:
    if entry.extent == UNITED_KINGDOM:
        return "the United Kingdom"
    return ", ".join(NATIONS[nation] for nation in UkNation if nation in entry.extent)


def _to_json(entry: LegalEntry, on: date) -> dict[str, Any]:
    day = entry.in_force_from
    return {**entry.to_json(), "in_force_from": day.isoformat() if day else None, "in_force": entry.in_force(on)}
