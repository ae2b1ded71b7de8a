"""Generate `docs/legal-register.md` from the register in the code: `python -m tests.docs.legal_page`."""

from collections.abc import Iterator

from tests.docs.pages import DOCS
from trust.agreements.legal_register import REGISTER, LegalEntry, LegalPart

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
4. An agreement may cite a code if the agreement begins on or after the day on which the code came into force.

A change in the law is a new entry with the same code and a later day. The old entry still explains disclosures made
under it.
"""
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
    yield "| code | provision | subject | may be relied on by | needs consent | since | confirmed |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    entries = [entry for entry in REGISTER if entry.part is part]
    yield from map(_row, entries)
    sources = dict.fromkeys(f"- `{entry.code}`: {entry.source}." for entry in entries if entry.source != entry.title)
    yield from ["", *sources, ""] if sources else [""]


def _row(entry: LegalEntry) -> str:
    cells = (
        f"`{entry.code}`",
        entry.title,
        entry.power,
        entry.relied_on_by,
        "yes" if entry.consent_needed else "no",
        entry.valid_from.isoformat(),
        "yes" if entry.confirmed else "to be confirmed",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(as_markdown(), encoding="utf-8")
