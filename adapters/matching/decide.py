"""Decide which of a source's records, if any, is the person asked about.

The rules, in the order in which they are applied to each candidate (a person in the source, not a row):

1. A valid identifier that both sides hold and that is the same, with the same birth date, links. So does one without a
   birth date to confirm it where the source's identifiers are declared verified; elsewhere a human decides.
2. It does not link against the evidence: another birth date, another gender, or a second identifier that differs. The
   given names must be the same, a known variant, or unknown on one side: twins' numbers are exchanged by mistake, and
   their names are often alike.
3. Without an identifier, the evidence must reach ``LINK_AT``, and birth date, family name and given names must each
   agree well. A twin, who shares all but the given names, can therefore never be linked.
4. An identifier that differs keeps a candidate from being linked by any likeness.
5. Where the name does not agree, a likeness is no reason for a human to look either: an address and a birth date would
   tell who lives there.

What stands where there is nothing is no evidence in any of them: stand-ins for identifiers and names (Baby, Unknown, an
initial), postcodes without homes, addresses that are restricted, and those of institutions. What may be such
a stand-in (Bed 12, the family name Child) is compared, and its agreement links no one.

Then over all candidates:

6. Only one may be left. Two that could each be linked, or a rival that nearly could, go to a human. This uniqueness
   rule is what keeps namesakes apart: no threshold does (measured on FEBRL 4 with twins and namesakes added).

A record that cannot be read in full, and that nothing speaks against, is never taken for an absence: where no record is
plausible, a human decides.

Nothing here depends on the order of the candidates, and no explanation holds a value of a record.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from adapters.contract import Candidate
from adapters.matching.compare import Comparison, Level, Profile, compare_profiles, profile
from adapters.matching.score import LINK_AT, REVIEW_AT, score
from trust.exchange.person import Subject

RIVAL_MARGIN: Final = 10.0
"""Bits by which a linked record must lead the next one: odds of a thousand to one between the two."""

_AGREES_WELL: Final = frozenset({Level.SAME, Level.VARIANT})
_CONFIRMS_IDENTIFIER: Final = _AGREES_WELL | {Level.UNKNOWN}
_NAMES: Final = {"nhs_number": "NHS number", "upn": "UPN", "nino": "National Insurance number", "pnc_id": "PNC id"}


class MatchResult(StrEnum):
    """What the search for a person came to; :mod:`trust.agreements.decision` takes the same words."""

    UNIQUE = "unique"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What the matcher decided. ``ref`` is given only where the outcome is unique.

    ``nearest`` is the record that a human has to look at, where the outcome is review; nothing is read of it.
    ``score`` is the weight of the evidence for the best candidate in bits (0.0 where there is none); ``explanation``
    says in plain sentences what agreed and what did not, and holds no personal data.
    """

    outcome: MatchResult
    ref: str | None = None
    nearest: str | None = None
    score: float = 0.0
    explanation: tuple[str, ...] = ()


class _Verdict(IntEnum):
    UNLIKE = 0
    POSSIBLE = 1
    LINKABLE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assessment:
    ref: str
    verdict: _Verdict
    by_identifier: bool
    score: float
    comparison: Comparison
    why: tuple[str, ...]

    def reasons(self) -> tuple[str, ...]:
        """Say in sentences what agreed, and what the rules made of it."""
        return (*_observations(self.comparison), *self.why)


def match(subject: Subject, candidates: Sequence[Candidate], *, institutions: Collection[str] = frozenset()) -> Match:
    """Decide whether exactly one candidate is the subject; ``institutions`` are as :func:`profile` takes them."""
    asked = profile(subject, institutions=institutions)
    assessments = _one_for_each_ref(_assess(asked, candidate, institutions) for candidate in candidates)
    plausible = [assessment for assessment in assessments if assessment.verdict > _Verdict.UNLIKE]
    if not plausible and any(_may_be(asked, candidate) for candidate in candidates):
        return Match(outcome=MatchResult.REVIEW, explanation=_UNREADABLE)
    if not plausible:
        return Match(outcome=MatchResult.NONE, explanation=("No record is like the person asked about.",))
    plausible.sort(key=lambda a: (-a.verdict, -a.score, a.ref))
    best, *others = plausible
    if best.verdict is _Verdict.POSSIBLE:
        return _review(best, (*best.reasons(), "A human must decide."))
    if any(_rivals(best, other) for other in others):
        return _review(best, (*best.reasons(), "Another record fits as well, so a human must decide."))
    return Match(outcome=MatchResult.UNIQUE, ref=best.ref, score=best.score, explanation=best.reasons())


_UNREADABLE: Final = ("A record that may be this person cannot be read in full.", "A human must decide.")
_TELLING: Final = frozenset({"ref", *_NAMES, "birth_date", "family_name", "given_names", "full_name"})
"""Fields without which a record cannot be told from another person's."""


def _may_be(asked: Profile, candidate: Candidate) -> bool:
    """Say whether a record that cannot be read in full may be the subject, because nothing in it speaks against it."""
    if not candidate.unreadable & _TELLING:
        return False
    comparison = compare_profiles(asked, profile(candidate.person))
    levels = (comparison.birth_date, comparison.family_name, comparison.given_names, comparison.gender)
    return not comparison.identifiers_different and Level.DIFFERENT not in levels


def explain(
    subject: Subject, candidate: Candidate, *, institutions: Collection[str] = frozenset()
) -> tuple[MatchResult, tuple[str, ...]]:
    """Say what one record alone would come to, and why: field by field, and then the rules that decided."""
    asked = profile(subject, institutions=institutions)
    assessment = _assess(asked, candidate, institutions)
    outcome = {
        _Verdict.LINKABLE: MatchResult.UNIQUE,
        _Verdict.POSSIBLE: MatchResult.REVIEW,
        _Verdict.UNLIKE: MatchResult.NONE,
    }[assessment.verdict]
    if outcome is MatchResult.NONE and _may_be(asked, candidate):
        return MatchResult.REVIEW, (*assessment.reasons(), *_UNREADABLE)
    return outcome, assessment.reasons()


def _review(best: _Assessment, explanation: tuple[str, ...]) -> Match:
    return Match(outcome=MatchResult.REVIEW, nearest=best.ref, score=best.score, explanation=explanation)


def _rivals(best: _Assessment, other: _Assessment) -> bool:
    """Say whether ``other`` keeps ``best`` from being the only one."""
    if other.verdict is _Verdict.LINKABLE or other.by_identifier:
        return True
    return not best.by_identifier and best.score - other.score < RIVAL_MARGIN


def _one_for_each_ref(assessments: Iterable[_Assessment]) -> list[_Assessment]:
    """Keep one assessment of each local record; where a source gives one record two faces, a human decides."""
    by_ref: dict[str, _Assessment] = {}
    for found in assessments:
        known = by_ref.setdefault(found.ref, found)
        if known != found:
            by_ref[found.ref] = _Assessment(
                ref=found.ref,
                verdict=_Verdict.POSSIBLE,
                by_identifier=known.by_identifier or found.by_identifier,
                score=max(known.score, found.score),
                comparison=known.comparison,
                why=("The source gives this record twice, with different content.",),
            )
    return list(by_ref.values())


def _assess(asked: Profile, candidate: Candidate, institutions: Collection[str]) -> _Assessment:
    comparison = compare_profiles(asked, profile(candidate.person, institutions=institutions))
    weight = score(comparison)
    by_identifier = bool(comparison.identifiers_same)
    if by_identifier:
        verdict, why = _by_identifier(comparison, verified=candidate.identifiers_verified)
    else:
        verdict, why = _by_likeness(comparison, weight)
    if verdict is _Verdict.LINKABLE and "ref" in candidate.unreadable:
        verdict, why = _Verdict.POSSIBLE, ("The key of the record cannot be read.",)
    return _Assessment(
        ref=candidate.ref,
        verdict=verdict,
        by_identifier=by_identifier,
        score=weight,
        comparison=comparison,
        why=why,
    )


def _by_identifier(comparison: Comparison, *, verified: bool) -> tuple[_Verdict, tuple[str, ...]]:
    """Apply rules 1 and 2."""
    against = tuple(_against_identifier(comparison))
    if against:
        return _Verdict.POSSIBLE, against
    if comparison.birth_date is Level.SAME:
        return _Verdict.LINKABLE, ()
    if verified:
        return _Verdict.LINKABLE, ("The source's identifiers are declared verified, so no date of birth is needed.",)
    return _Verdict.POSSIBLE, ("No date of birth confirms the identifier, and the source's are not declared verified.",)


def _against_identifier(comparison: Comparison) -> Iterable[str]:
    """Yield what keeps an identifier that agrees from linking by itself."""
    if comparison.identifiers_different:
        yield "One identifier agrees and another does not."
    if comparison.birth_date in (Level.DIFFERENT, Level.SIMILAR):
        yield "The date of birth contradicts the identifier."
    if comparison.gender is Level.DIFFERENT:
        yield "The gender contradicts the identifier."
    if comparison.given_names not in _CONFIRMS_IDENTIFIER or comparison.given_names_contradicted:
        yield "The given name does not confirm the identifier: this may be a twin."


def _by_likeness(comparison: Comparison, weight: float) -> tuple[_Verdict, tuple[str, ...]]:
    """Apply rules 3 to 5."""
    if weight < REVIEW_AT or comparison.birth_date is Level.DIFFERENT or not _name_agrees(comparison):
        return _Verdict.UNLIKE, ()
    if comparison.identifiers_different:
        well = comparison.given_names in _AGREES_WELL and comparison.family_name is Level.SAME
        return (_Verdict.POSSIBLE, ("Everything but an identifier agrees.",)) if well else (_Verdict.UNLIKE, ())
    doubts = tuple(_doubts(comparison))
    if doubts or weight < LINK_AT:
        return _Verdict.POSSIBLE, doubts or ("What agrees would fit more than one person.",)
    return _Verdict.LINKABLE, ()


def _name_agrees(comparison: Comparison) -> bool:
    """Say whether a human could take both for one person: by the family name, or by full given names without one."""
    if comparison.family_name is Level.SAME:
        return True
    if comparison.family_name is Level.SIMILAR:
        return comparison.given_names is not Level.DIFFERENT
    return comparison.family_name is Level.UNKNOWN and comparison.given_names in _AGREES_WELL


def _doubts(comparison: Comparison) -> Iterable[str]:
    """Yield why a likeness is not enough by itself, whatever it weighs."""
    if comparison.birth_date is not Level.SAME:
        yield "The date of birth does not agree exactly."
    if comparison.family_name is not Level.SAME:
        yield "The family name does not agree well."
    elif comparison.family_name_uncertain:
        yield "The family name may stand where none was given."
    if comparison.given_names not in _AGREES_WELL:
        yield "The given name does not agree well: this may be a twin."
    if comparison.gender is Level.DIFFERENT:
        yield "The gender differs."


def _observations(comparison: Comparison) -> Iterable[str]:
    """Yield what was seen, field by field."""
    for name in comparison.identifiers_same:
        yield f"{_NAMES[name]}: same."
    for name in comparison.identifiers_different:
        yield f"{_NAMES[name]}: different."
    fields = {
        "Date of birth": comparison.birth_date,
        "Family name": comparison.family_name,
        "Given names": comparison.given_names,
        "Property": comparison.uprn,
        "Postcode": comparison.postcode,
        "Gender": comparison.gender,
    }
    for label, level in fields.items():
        if level is not Level.UNKNOWN:
            yield f"{label}: {level}."
