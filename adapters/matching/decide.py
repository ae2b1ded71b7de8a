"""Decide which of a source's records, if any, is the subject.

The rules for each candidate (a person in the source, not a row), in order:

1. The same valid identifier on both sides, with the same birth date, links. Without a confirming birth date it links
   if the source's identifiers are declared verified; otherwise a human decides.
2. The identifier does not link against other evidence: another birth date, another gender, or a second identifier that
   differs. The given names must be the same, a known variant, or unknown on one side: registers exchange twins' numbers
   by mistake, and their names are often alike.
3. Without an identifier, the evidence must reach ``LINK_AT``, and birth date, family name and given names must each
   agree well. This never links a twin, who shares all but the given names.
4. A candidate with a different identifier is never linked by likeness.
5. A candidate with a different name does not go to a human either: an address and a birth date would disclose who lives
   there.

Stand-ins are no evidence: those for identifiers and names (Baby, Unknown, an initial), postcodes without homes,
restricted addresses and those of institutions. A possible stand-in (Bed 12, the family name Child) is compared, but its
agreement links no one.

The rules for all candidates:

6. Only one may remain. Two that could each be linked, or a close rival, go to a human. This rule keeps namesakes apart:
   no threshold does (measured on FEBRL 4 with twins and namesakes added).
7. A record that cannot be read in full, and that nothing contradicts, is no absence: if no record is plausible, a human
   decides.

The result does not depend on the order of the candidates, and no explanation holds a value of a record.
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
"""The bits by which a linked record must exceed the next: odds of a thousand to one."""

_AGREES_WELL: Final = frozenset({Level.SAME, Level.VARIANT})
_CONFIRMS_IDENTIFIER: Final = _AGREES_WELL | {Level.UNKNOWN}
_NAMES: Final = {"nhs_number": "NHS number", "upn": "UPN", "nino": "National Insurance number", "pnc_id": "PNC id"}


class MatchResult(StrEnum):
    """The result of the search for a person; :mod:`trust.agreements.decision` uses the same words."""

    UNIQUE = "unique"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The decision of the matcher. ``ref`` is set only if the outcome is unique.

    ``nearest`` is the record that a human must check, if the outcome is review; its involvements are not read.
    ``score`` is the weight of the evidence for the best candidate in bits (0.0 without one). ``explanation`` states in
    plain sentences what agreed and what did not, without personal data.
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
        """Return sentences on what agreed, and on the rules that decided."""
        return (*_observations(self.comparison), *self.why)


def match(subject: Subject, candidates: Sequence[Candidate], *, institutions: Collection[str] = frozenset()) -> Match:
    """Decide whether exactly one candidate is the subject; ``institutions`` are as in :func:`profile`."""
    subject_profile = profile(subject, institutions=institutions)
    assessments = _one_for_each_ref(_assess(subject_profile, candidate, institutions) for candidate in candidates)
    plausible = [assessment for assessment in assessments if assessment.verdict > _Verdict.UNLIKE]
    if not plausible and any(_may_be(subject_profile, candidate) for candidate in candidates):
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
_DISTINGUISHING: Final = frozenset({"ref", *_NAMES, "birth_date", "family_name", "given_names", "full_name"})
"""The fields that distinguish a record from another person's."""


def _may_be(subject_profile: Profile, candidate: Candidate) -> bool:
    """Return whether a record that cannot be read in full may be the subject: nothing in it contradicts that."""
    if not candidate.unreadable & _DISTINGUISHING:
        return False
    comparison = compare_profiles(subject_profile, profile(candidate.person))
    levels = (comparison.birth_date, comparison.family_name, comparison.given_names, comparison.gender)
    return not comparison.identifiers_different and Level.DIFFERENT not in levels


def explain(
    subject: Subject, candidate: Candidate, *, institutions: Collection[str] = frozenset()
) -> tuple[MatchResult, tuple[str, ...]]:
    """Return the result for one record alone, and the reasons: the fields, then the rules that decided."""
    subject_profile = profile(subject, institutions=institutions)
    assessment = _assess(subject_profile, candidate, institutions)
    outcome = {
        _Verdict.LINKABLE: MatchResult.UNIQUE,
        _Verdict.POSSIBLE: MatchResult.REVIEW,
        _Verdict.UNLIKE: MatchResult.NONE,
    }[assessment.verdict]
    if outcome is MatchResult.NONE and _may_be(subject_profile, candidate):
        return MatchResult.REVIEW, (*assessment.reasons(), *_UNREADABLE)
    return outcome, assessment.reasons()


def _review(best: _Assessment, explanation: tuple[str, ...]) -> Match:
    return Match(outcome=MatchResult.REVIEW, nearest=best.ref, score=best.score, explanation=explanation)


def _rivals(best: _Assessment, other: _Assessment) -> bool:
    """Return whether ``other`` prevents ``best`` from being the only one."""
    if other.verdict is _Verdict.LINKABLE or other.by_identifier:
        return True
    return not best.by_identifier and best.score - other.score < RIVAL_MARGIN


def _one_for_each_ref(assessments: Iterable[_Assessment]) -> list[_Assessment]:
    """Return one assessment for each record; if a source gives a record twice with other content, a human decides."""
    by_ref: dict[str, _Assessment] = {}
    for assessment in assessments:
        earlier = by_ref.setdefault(assessment.ref, assessment)
        if earlier != assessment:
            by_ref[assessment.ref] = _Assessment(
                ref=assessment.ref,
                verdict=_Verdict.POSSIBLE,
                by_identifier=earlier.by_identifier or assessment.by_identifier,
                score=max(earlier.score, assessment.score),
                comparison=earlier.comparison,
                why=("The source gives this record twice, with different content.",),
            )
    return list(by_ref.values())


def _assess(subject_profile: Profile, candidate: Candidate, institutions: Collection[str]) -> _Assessment:
    comparison = compare_profiles(subject_profile, profile(candidate.person, institutions=institutions))
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
    """Yield the reasons why a matching identifier does not link by itself."""
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
    """Return whether the names can be one person's: by family name, or by full given names without one."""
    if comparison.family_name is Level.SAME:
        return True
    if comparison.family_name is Level.SIMILAR:
        return comparison.given_names is not Level.DIFFERENT
    return comparison.family_name is Level.UNKNOWN and comparison.given_names in _AGREES_WELL


def _doubts(comparison: Comparison) -> Iterable[str]:
    """Yield the reasons why a likeness of any weight is not enough."""
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
    """Yield the result of each field."""
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
