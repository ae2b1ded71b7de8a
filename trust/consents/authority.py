"""Authority to give or withdraw a person's consent: the person's own, by age and capacity, or another person's.

1. The person, where the law presumes capacity: from 16 (Mental Capacity Act 2005 s.1(2) with s.2(5); Age of Legal
   Capacity (Scotland) Act 1991 s.1), and in Scotland from 12 about their own data (Data Protection Act 2018 s.208).
2. A younger child, found able to understand it by a professional (Gillick v West Norfolk [1986] AC 112; in
   Scotland the understanding that s.208(2) asks of any child). The assessment is recorded.
3. A holder of parental responsibility for a child who cannot: under 16, or 16 and 17 where capacity is found lacking.
   In Scotland it is for children under 16 (Children (Scotland) Act 1995 ss.1 and 2).
4. For a person found to lack capacity: an attorney for health and welfare, of an adult of 18 or over in England and
   Wales (Mental Capacity Act 2005 s.9); a deputy or a recorded best-interests decision (ss.16 and 4). In Scotland, from
   16, a welfare attorney, a welfare guardian, a person with an intervention order, or a recorded decision on the
   principles of the Act (Adults with Incapacity (Scotland) Act 2000 ss.16, 57, 53 and 1).
5. A record of authority, and of an assessment, says where it is filed. An assessment is of this decision.
6. An alleged perpetrator gives and withdraws for no one else, also with such an authority.

7. Northern Ireland: from 16 the person's own decision (Age of Majority Act (Northern Ireland) 1969 s.4, on treatment,
   by analogy); below it as under 2; parental responsibility ends at 18 (Children (Northern Ireland) Order 1995 arts. 2
   and 5). For a person found to lack capacity, from 16, a recorded best-interests decision at common law. The Mental
   Capacity Act (Northern Ireland) 2016 is commenced for deprivation of liberty, research and money matters only (SR
   2019/163), so no attorney for welfare and no deputy decides this.

To be confirmed by counsel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trust.consents.age import Jurisdiction, age_in_law


class Relation(StrEnum):
    """The authority on which a consent is given or withdrawn."""

    PERSON = "person"
    PARENTAL_RESPONSIBILITY = "parental-responsibility"
    ATTORNEY = "attorney"
    DEPUTY = "deputy"
    BEST_INTERESTS = "best-interests"
    WELFARE_ATTORNEY = "welfare-attorney"
    WELFARE_GUARDIAN = "welfare-guardian"
    INTERVENTION_ORDER = "intervention-order"
    STATUTORY_PRINCIPLES = "statutory-principles"


class Finding(StrEnum):
    """What an assessment of this decision found."""

    HAS_CAPACITY = "has-capacity"
    LACKS_CAPACITY = "lacks-capacity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A professional's assessment of whether the person can decide this; ``evidence`` says where it is filed."""

    finding: Finding
    assessed_on: date
    assessor_role: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Giver:
    """The one who decides. ``evidence`` says where the authority of anyone but the person is filed."""

    relation: Relation
    evidence: str | None = None
    is_alleged_perpetrator: bool = False


ADULT: Final = 18
CAPACITY_PRESUMED: Final[Mapping[Jurisdiction, int]] = MappingProxyType(
    {Jurisdiction.ENGLAND_AND_WALES: 16, Jurisdiction.SCOTLAND: 12, Jurisdiction.NORTHERN_IRELAND: 16}
)
"""Age from which the person's own decision counts unless an assessment says otherwise."""
_PARENTS_UNTIL: Final = MappingProxyType(
    {Jurisdiction.ENGLAND_AND_WALES: ADULT, Jurisdiction.SCOTLAND: 16, Jurisdiction.NORTHERN_IRELAND: ADULT}
)
_INCAPACITY_FROM: Final = 16
_ENGLAND, _SCOTLAND = frozenset({Jurisdiction.ENGLAND_AND_WALES}), frozenset({Jurisdiction.SCOTLAND})
_LAWS_OF: Final[Mapping[Relation, frozenset[Jurisdiction]]] = MappingProxyType(
    {
        Relation.ATTORNEY: _ENGLAND,
        Relation.DEPUTY: _ENGLAND,
        Relation.BEST_INTERESTS: _ENGLAND | {Jurisdiction.NORTHERN_IRELAND},
        Relation.WELFARE_ATTORNEY: _SCOTLAND,
        Relation.WELFARE_GUARDIAN: _SCOTLAND,
        Relation.INTERVENTION_ORDER: _SCOTLAND,
        Relation.STATUTORY_PRINCIPLES: _SCOTLAND,
    }
)
"""Authorities for people who lack capacity, and the laws that know them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision about a person's consent, before it counts. ``birth_date`` is ``None`` where it is not known."""

    jurisdiction: Jurisdiction
    giver: Giver
    on: date
    birth_date: date | None = None
    assessment: Assessment | None = None


def deny_authority(decision: Decision) -> str | None:
    """Return why the giver may not decide this for the person, in a sentence, or ``None`` where they may."""
    giver, assessment = decision.giver, decision.assessment
    if assessment is not None and assessment.assessed_on > decision.on:
        return "The assessment is dated after the decision."
    if giver.relation is Relation.PERSON:
        return _deny_person(decision)
    if giver.is_alleged_perpetrator:
        return "An alleged perpetrator decides about their own data only, not for another person."
    return _deny_other(decision)


def _age(decision: Decision, birth_date: date) -> int:
    return age_in_law(birth_date, max(decision.on, birth_date), decision.jurisdiction)


def _finding(decision: Decision) -> Finding | None:
    return None if decision.assessment is None else decision.assessment.finding


def _deny_person(decision: Decision) -> str | None:
    finding = _finding(decision)
    if finding is Finding.LACKS_CAPACITY:
        return "The assessment found that the person cannot decide this; name who has authority to."
    if finding is Finding.HAS_CAPACITY:
        return None
    presumed = CAPACITY_PRESUMED[decision.jurisdiction]
    if decision.birth_date is None:
        return f"Without a birth date, record an assessment: capacity is presumed only from {presumed}."
    if _age(decision, decision.birth_date) >= presumed:
        return None
    return f"Under {presumed} the child decides only where an assessment found that they understand it; record it."


def _deny_other(decision: Decision) -> str | None:
    if decision.giver.evidence is None:
        return "Say where the authority to decide for the person is filed."
    if decision.birth_date is None:
        return "The person's birth date is needed to judge who may decide for them."
    rule = _deny_parent if decision.giver.relation is Relation.PARENTAL_RESPONSIBILITY else _deny_substitute
    return rule(decision, _age(decision, decision.birth_date))


def _deny_parent(decision: Decision, age: int) -> str | None:
    if age >= _PARENTS_UNTIL[decision.jurisdiction]:
        return "The person is past the age at which parental responsibility decides this."
    finding = _finding(decision)
    if finding is Finding.HAS_CAPACITY:
        return "The assessment found that the child can decide this; ask the child."
    if age >= CAPACITY_PRESUMED[decision.jurisdiction] and finding is None:
        return "At this age the child is presumed able to decide; ask the child, or record an assessment."
    return None


def _deny_substitute(decision: Decision, age: int) -> str | None:
    relation = decision.giver.relation
    if decision.jurisdiction not in _LAWS_OF[relation]:
        return f"The law of {decision.jurisdiction} does not know this authority ({relation})."
    least = ADULT if relation is Relation.ATTORNEY else _INCAPACITY_FROM
    if age < least:
        return f"This authority ({relation}) is for people of {least} or over."
    if _finding(decision) is not Finding.LACKS_CAPACITY:
        return "It counts only where an assessment found that the person cannot decide this; record it."
    return None
