"""Rules for an agreement that is about to be signed, beyond those that every document keeps.

They name faults of drafting. An agreement that every party has signed is read without them, so that a rule that came
later unmakes no agreement.
"""

import re
from collections.abc import Iterator

from trust.agreements.agreement import PROSE, Agreement, Party, law_day, read_agreement
from trust.agreements.clause import Clause
from trust.agreements.joined import with_joined
from trust.agreements.joining import JoinedParty
from trust.agreements.lawful_basis import LegalEntry, LegalPart, extends_to, lookup, not_in_force
from trust.agreements.overlap import overlaps
from trust.exchange.errors import Fault, MalformedAgreement
from trust.exchange.kind import join_words
from trust.identifiers import EntityId, ServiceSlug

_ANSWER = re.compile(r"[^\W\d_]{2}")
_FILLER = re.compile(
    r"[\W_]*(?:tb[acd]|to ?do|fixme|n ?/? ?a|xx+|none|blank|text|answer|placeholder|lorem ipsum.*|insert .*"
    r"|fill (?:in|out)\b.*"
    r"|to be (?:confirmed|decided|determined|agreed|completed|added|written)|to follow|not known yet|pending"
    r"|(?:see )?(?:above|below))[\W_]*",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\s*(?:\[[^]]*\]|<[^>]*>|\{[^}]*\}|@[^@]*@)\s*\.?\s*")
BLANK = "is not answered; a template whose questions are left blank is no draft"
_ANY_SERVICE = (ServiceSlug("any"),)
_POLICY = "Data Protection Act 2018, Schedule 1, Part 4"


def parse_draft(raw: bytes) -> Agreement:
    """Read an agreement that is to be signed. Raises as :func:`parse_agreement` does, and for every drafting fault.

    The faults are those of :func:`check_draft`.
    """
    agreement, faults = check_draft(raw)
    if faults:
        raise MalformedAgreement(faults)
    return agreement


def check_draft(raw: bytes) -> tuple[Agreement, list[Fault]]:
    """Read a draft as far as it can be read, with every fault in one list: those of its form, and these.

    1. no two clauses of different existence let one service ask another the same for the same purpose;
    2. every power that a clause relies on is among the agreement's powers;
    3. every law that is cited is in force on the day on which the agreement begins;
    4. the powers of a clause apply where each of its parties is, as far as the parties say where they are;
    5. what holds only with an appropriate policy document names it;
    6. every question is answered: no text is blank or a filler;
    7. each class that may join takes part in a clause, and the agreement stands alone: it has no tier.

    The first of these is kept for agencies that join, too.

    Raises ``MalformedJson`` and ``TooLarge``.
    """
    agreement, faults = read_agreement(raw)
    paths = {fault.path for fault in faults}
    return agreement, [*faults, *(fault for fault in drafting_faults(agreement) if fault.path not in paths)]


def drafting_faults(agreement: Agreement) -> Iterator[Fault]:
    """Return the faults that :func:`check_draft` numbers, of an agreement that was read."""
    yield from _overlapping(agreement)
    yield from _unnamed_powers(agreement)
    yield from _not_in_force(agreement)
    yield from _outside_extent(agreement)
    yield from _without_policy(agreement)
    yield from _unanswered(agreement)
    yield from _unused_classes(agreement)


def _overlapping(agreement: Agreement) -> Iterator[Fault]:  # 1
    clauses = _with_any_joiner(agreement).clauses
    for position, clause in enumerate(clauses):
        for overlap in overlaps([clause], clauses[:position]):
            yield Fault(
                path=f"clauses[{position}].existence",
                problem=f"differs from that of {overlap.second.id}, under which {overlap.asker} may ask "
                f"{overlap.holder} the same: what one of them hides the other tells",
            )


def _with_any_joiner(agreement: Agreement) -> Agreement:
    """Return the agreement as it is for any two agencies that joined in each class."""
    joiners = [
        JoinedParty(
            party=Party(entity=EntityId(f"{which} joiner as {each.id}"), name=each.title, services=_ANY_SERVICE),
            class_id=each.id,
            accession="",
        )
        for each in agreement.joining
        for which in ("any", "another")
    ]
    return with_joined(agreement, joiners, {}) if joiners else agreement


def _unused_classes(agreement: Agreement) -> Iterator[Fault]:  # 7
    if agreement.joining and (agreement.overarching or agreement.under is not None):
        problem = (
            "does not belong in an agreement of two tiers, where a joiner would have to join both; let them join one"
        )
        yield Fault(path="joining", problem=f"{problem} alone")
        return
    let_in = frozenset().union(*(each.joining_askers | each.joining_holders for each in agreement.clauses))
    for position, each in enumerate(agreement.joining):
        if each.id and each.id not in let_in:
            yield Fault(
                path=f"joining[{position}].id",
                problem="takes part in no clause; name it in joining_askers or joining_holders, or leave the class out",
            )


def _unnamed_powers(agreement: Agreement) -> Iterator[Fault]:  # 2
    for position, clause in enumerate(agreement.clauses):
        for entry in _cited(clause, agreement):
            if entry.part is LegalPart.POWER and entry.code not in agreement.powers:
                yield Fault(
                    path=f"clauses[{position}].basis",
                    problem=f"names {entry.code}, which is not among the agreement's powers; add it there, or leave it "
                    "out",
                )


def _not_in_force(agreement: Agreement) -> Iterator[Fault]:  # 3
    on = law_day(agreement.valid_from)
    for path, codes in _citations(agreement):
        for code in codes:
            problem = not_in_force(lookup(code, on), on)
            if problem:
                yield Fault(path=path, problem=f"names a law that is not in force: {problem}; cite one that is")


def _outside_extent(agreement: Agreement) -> Iterator[Fault]:  # 4
    for position, clause in enumerate(agreement.clauses):
        powers = [entry for entry in _cited(clause, agreement) if entry.part is LegalPart.POWER]
        for party in _ends(clause, agreement):
            if powers and not any(extends_to(entry, party.nations) for entry in powers):
                yield Fault(path=f"clauses[{position}].basis", problem=_outside(party, powers))
    on = law_day(agreement.valid_from)
    for code in agreement.powers:
        entry = lookup(code, on)
        if not any(extends_to(entry, party.nations) for party in agreement.parties):
            yield Fault(path="powers", problem=f"names {code}, which applies {_where(entry)}: no party is there")


def _outside(party: Party, powers: list[LegalEntry]) -> str:
    extents = "; ".join(f"{entry.code} applies {_where(entry)}" for entry in powers)
    return f"names no power that applies in {join_words(sorted(party.nations))}, where {party.name} is: {extents}"


def _where(entry: LegalEntry) -> str:
    return f"in {join_words(sorted(entry.extent))}"


def _without_policy(agreement: Agreement) -> Iterator[Fault]:  # 5
    if agreement.policy_document or agreement.under is not None:
        return
    for position, clause in enumerate(agreement.clauses):
        codes = [entry.code for entry in _cited(clause, agreement) if entry.policy_document]
        if codes:
            yield Fault(
                path=f"clauses[{position}].basis",
                problem=f"names {join_words(codes)}, which holds only with an appropriate policy document ({_POLICY}); "
                "name it in policy_document",
            )


def _unanswered(agreement: Agreement) -> Iterator[Fault]:  # 6
    texts = {name: getattr(agreement, name) for name in ("title", *PROSE, "policy_document")}
    texts |= {f"items[{place}]": item for place, item in enumerate(agreement.items)}
    texts |= {f"purposes[{place}].description": each.description for place, each in enumerate(agreement.purposes)}
    texts |= {f"joining[{place}].title": each.title for place, each in enumerate(agreement.joining)}
    texts |= {f"parties[{place}].name": party.name for place, party in enumerate(agreement.parties)}
    return (Fault(path=path, problem=BLANK) for path, text in texts.items() if text and is_blank(text))


def is_blank(text: str) -> bool:
    """Say whether a text answers nothing: no two letters together, a filler such as "TBC", or a bracketed prompt."""
    return not _ANSWER.search(text) or bool(_FILLER.fullmatch(text) or _BRACKETED.fullmatch(text))


def _citations(agreement: Agreement) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "powers", agreement.powers
    for position, clause in enumerate(agreement.clauses):
        yield f"clauses[{position}].basis", clause.basis


def _cited(clause: Clause, agreement: Agreement) -> list[LegalEntry]:
    on = law_day(agreement.valid_from)
    return [lookup(code, on) for code in clause.basis]


def _ends(clause: Clause, agreement: Agreement) -> list[Party]:
    entities = {service.entity for service in clause.askers | clause.holders}
    return [party for party in agreement.parties if party.entity in entities]
