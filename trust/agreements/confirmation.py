"""Clauses under which a joiner's flow opens only when the other party confirms it.

They are about a multi-agency risk assessment conference (MARAC), child protection or adults at risk: what they let out
may cost a life in the wrong hands, so that silence is no agreement. One row of :data:`CONFIRMATION_RULES` that applies
is enough. A document may add clauses (``joining_confirmed``) and take out none.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trust.agreements.clause import Clause, Onward
from trust.exchange.kinds import KINDS
from trust.exchange.persons import Part

_PROTECTIVE_LAW: Final = frozenset(
    {
        "dpa2018-sch1-10",
        "dpa2018-sch1-18",
        "ca1989-s47",
        "ca2004-s11",
        "ca2004-s16e",
        "ca2004-s16la",
        "ca2004-s28",
        "daa2021-s3",
        "daa2021-s49a",
        "careact2014-s42",
        "careact2014-s45",
        "cda1998-s115",
        "cja2003-s325",
        "sswbwa2014-s126",
        "sswbwa2014-s128",
        "sswbwa2014-s130",
        "chsa2011-s60",
        "chsa2011-s61",
        "aspsa2007-s4",
        "aspsa2007-s5",
        "mosa2005-s10",
        "cnio1995-art66",
        "dacpania2021-s26",
    }
)
"""Conditions and powers for child protection, adults at risk, domestic abuse and public protection arrangements."""
_PROTECTIVE_WORDS: Final = re.compile(
    r"(?:^|[.-])(?:marac|mappa|conference|safeguarding|child-protection|adult-protection|domestic-abuse)(?:$|[.-])"
)
_PROTECTIVE_TOPICS: Final = frozenset({"safeguarding", "school-notice"})


def _is_alert(clause: Clause) -> bool:
    """Say whether recipients close a message of the clause as useful or not, which they do with alerts alone."""
    kind = KINDS.get(clause.kind)
    return kind is not None and kind.has_rating


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationRule:
    """One reason for which a clause needs confirmation, in words for people."""

    text: str
    applies: Callable[[Clause], bool]


CONFIRMATION_RULES: Final[tuple[ConfirmationRule, ...]] = (
    ConfirmationRule(text="the agreement says so", applies=lambda clause: clause.joining_confirmed),
    ConfirmationRule(
        text="it cites a law on the protection of children or of adults at risk",
        applies=lambda clause: not _PROTECTIVE_LAW.isdisjoint(clause.basis),
    ),
    ConfirmationRule(
        text="its purpose is protection from harm",
        applies=lambda clause: bool(_PROTECTIVE_WORDS.search(clause.purpose)),
    ),
    ConfirmationRule(
        text="its kind of exchange is that of a conference",
        applies=lambda clause: bool(_PROTECTIVE_WORDS.search(clause.kind)),
    ),
    ConfirmationRule(
        text="its alerts are about a child or an adult at risk",
        applies=lambda clause: not _PROTECTIVE_TOPICS.isdisjoint(frozenset().union(*clause.lists.values())),
    ),
    ConfirmationRule(
        text="its alerts may not be passed on",
        applies=lambda clause: _is_alert(clause) and clause.onward is Onward.NONE,
    ),
    ConfirmationRule(
        text="it names an alleged perpetrator",
        applies=lambda clause: any(
            Part.ALLEGED_PERPETRATOR.field in fields for fields in clause.fields_by_role.values()
        ),
    ),
)


def why_confirmed(clause: Clause) -> tuple[str, ...]:
    """Return why a joiner must be confirmed before anything flows under a clause; nothing where it need not be."""
    return tuple(rule.text for rule in CONFIRMATION_RULES if rule.applies(clause))
