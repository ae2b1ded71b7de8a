"""Suggestions from the risk assessment of a safeguarding alert.

The thresholds are those of SafeLives' DASH checklist (14 ticks or more, or professional judgement at any score) and of
the College of Policing's DARA (grade high). A suggestion is for the worker to take or leave: a low score, or none,
blocks nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

DASH_THRESHOLD = 14
"""Ticks from which a case goes to a multi-agency risk assessment conference (MARAC)."""
HIGH = "high"


class SuggestedStep(StrEnum):
    """What a worker should consider."""

    MARAC = "marac"
    """Referral to the multi-agency risk assessment conference."""
    ADVOCACY = "advocacy"
    """Referral of the victim to an independent domestic violence advocate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAdvice:
    """Steps to consider, and the reasons in sentences; both are empty where the assessment gives none."""

    steps: tuple[SuggestedStep, ...] = ()
    reasons: tuple[str, ...] = ()


def advise(details: Mapping[str, object]) -> RiskAdvice:
    """Return what the details of a safeguarding alert suggest; what is missing or unknown suggests nothing."""
    score, reasons = details.get("dash_score"), []
    if type(score) is int and score >= DASH_THRESHOLD:
        reasons.append(f"The DASH score is {DASH_THRESHOLD} or more.")
    if details.get("dara_grade") == HIGH:
        reasons.append("The DARA grade is high.")
    if details.get("risk_level") == HIGH:
        reasons.append("The worker judges the risk to be high.")
    return RiskAdvice(steps=tuple(SuggestedStep), reasons=tuple(reasons)) if reasons else RiskAdvice()
