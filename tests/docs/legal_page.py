"""Generate `docs/legal-register.md` from the register in the code: `python -m tests.docs.legal_page`."""

from collections.abc import Iterator

from tests.docs.pages import DOCS
from trust.agreements.legal_entry import UNITED_KINGDOM, Commencement, LegalEntry, LegalPart, UkNation
from trust.agreements.legal_register import REGISTER
from trust.agreements.reading import NATIONS

PAGE = DOCS / "legal-register.md"
_INTRODUCTION = """\
# The legal register

The codes that agreements, clauses and messages cite. `python -m tests.docs.legal_page` generates this page from
`trust/agreements/legal_register.py`; a test compares the two.

The register records the understanding of the drafters of this software. **It is not legal advice**: each agency's own
counsel decides which entries the agency may rely on.

- Counsel has yet to confirm the effect or the commencement of entries marked *to be confirmed*. If a clause cites such
  an entry, the sentence that practitioners read says so.
- Counsel should also check the days of entry into force.

Rules for a clause:

1. Its basis has at least one lawful basis.
2. `agreement sign` refuses a clause without a lawful basis that a body of the agency's kind may rely on. If the agency
   is a holder under the clause and the basis names powers, such a body may also rely on one of them.
3. If its basis has a code that *needs consent*, its existence is conditional.
4. `agreement check` and `agreement sign` refuse a code that is not in force on the agreement's first day. *Enacted* is
   the day of Royal Assent; *in force from* is the day that was appointed. A day that was only announced is none.
5. Commencement can differ by purpose. Where it does, the list below the table names each purpose.
6. A clause names a power that applies in a nation of each of its parties, if the party states its `nations`.
7. A clause with a code that needs an *appropriate policy document* is refused unless the agreement names one in
   `policy_document`.

A change in the law is a new entry with the same code and a later day. The old entry still explains disclosures made
under it.
"""
_COLUMNS = (
    "code",
    "provision",
    "subject",
    "may be relied on by",
    "applies in",
    "needs",
    "enacted",
    "in force from",
    "confirmed",
)
_HEADINGS = {
    LegalPart.LAWFUL_BASIS: "Lawful bases",
    LegalPart.SPECIAL_CATEGORY: "Special category and criminal-offence conditions",
    LegalPart.CONDITION: "Conditions in domestic law",
    LegalPart.POWER: "Powers and duties to share",
    LegalPart.SAFEGUARD: "Limits and duties on those who share",
    LegalPart.CONFIDENTIALITY: "Grounds for setting confidentiality aside",
}


def as_markdown() -> str:
    """Return the whole page."""
    return "\n".join([_INTRODUCTION, *(line for part in LegalPart for line in _part(part))])


def _part(part: LegalPart) -> Iterator[str]:
    yield f"## {_HEADINGS[part]}\n"
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"| {' | '.join('---' for _ in _COLUMNS)} |"
    entries = [entry for entry in REGISTER if entry.part is part]
    yield from map(_row, entries)
    sources = dict.fromkeys(_note(entry) for entry in entries if _note(entry))
    yield from ["", *sources, ""] if sources else [""]


def _row(entry: LegalEntry) -> str:
    cells = (
        f"`{entry.code}`",
        entry.title,
        entry.power,
        entry.relied_on_by,
        _extent(entry),
        ", ".join(_needs(entry)),
        entry.enacted.isoformat() if entry.enacted else "",
        entry.in_force_from.isoformat() if entry.in_force_from else "**not in force**",
        "yes" if entry.confirmed else "to be confirmed",
    )
    return f"| {' | '.join(cells)} |"


def _extent(entry: LegalEntry) -> str:
    if entry.extent == UNITED_KINGDOM:
        return "United Kingdom"
    return ", ".join(NATIONS[nation] for nation in UkNation if nation in entry.extent)


def _needs(entry: LegalEntry) -> Iterator[str]:
    if entry.consent_needed:
        yield "consent"
    if entry.policy_document:
        yield "policy document"


def _note(entry: LegalEntry) -> str:
    staged = len(entry.commencements) > 1 or entry.in_force_from is None
    stages = [_stage(each) for each in entry.commencements if staged]
    instrument = [] if staged else [each.by for each in entry.commencements if each.by]
    source = [entry.source] if entry.source != entry.title else []
    parts = [*source, *(f"in force by {each}" for each in instrument if each not in entry.source), *stages]
    return f"- `{entry.code}`: {'; '.join(parts)}." if parts else ""


def _stage(commencement: Commencement) -> str:
    day = commencement.on.isoformat() if commencement.on else "no day is appointed"
    by = f" ({commencement.by})" if commencement.by else ""
    return f"for {commencement.purpose}: {day}{by}"


if __name__ == "__main__":
    PAGE.write_text(as_markdown(), encoding="utf-8")
