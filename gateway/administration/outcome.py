"""The outcome of a use case: a result, or a plan of a change that a face shows before it is applied."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCaseResult:
    """``lines`` for people, ``data`` for machines. ``ok`` is false where a check does not hold."""

    lines: Sequence[str]
    data: Mapping[str, Any] = field(default_factory=dict)
    ok: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """A change before it is made: ``effect`` says what it will do, ``question`` asks for it.

    A plan without a question changes nothing, so no face asks. ``apply`` makes the change. It checks again what may
    have changed meanwhile, and raises as the plan did.
    """

    effect: Sequence[str]
    question: str
    apply: Callable[[], UseCaseResult]
