"""Make `docs/legal-register.md` from the register in the code: `python -m tests.docs.legal_page`."""

from collections.abc import Iterator

from tests.docs.pages import DOCS
from trust.agreements.legal_register import REGISTER, LegalEntry, LegalPart

PAGE = DOCS / "legal-register.md"
_INTRODUCTION = """\
# The legal register

The codes that agreements, clauses and messages cite, as `trust/agreements/legal_register.py` holds them. This page is
made from that module; a test compares the two.

It records what the drafters of this software understood. **It is not legal advice**: each agency's own counsel decides
what the agency may rely on. Entries marked *to be confirmed* have an effect or a commencement that counsel has yet to
confirm; a clause that cites one says so in the sentence that practitioners read. The days of entry into force are to be
checked with counsel too.

A clause needs at least one lawful basis. An agency does not sign a clause without one that a body of its kind may rely
on, nor, where it is asked under the clause, without such a power (`agreement sign`). A clause whose basis holds a code
that *needs consent* must be of conditional existence. A code can be cited by an agreement that starts on or after the
day it came into force. A change in the law is a new entry with the same code and a later day, so that what was done
under the old one stays explained.
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
    """Write the whole page."""
    return "\n".join([_INTRODUCTION, *(line for part in LegalPart for line in _part(part))])


def _part(part: LegalPart) -> Iterator[str]:
    yield f"## {_HEADINGS[part]}\n"
    yield "| code | where | what it lets or makes people do | who may rely on it | needs consent | since | confirmed |"
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
