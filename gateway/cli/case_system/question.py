"""Prompts for the question of ``hearthgate lookup``, field by field, and again for each that is wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from gateway.cli.output import prompted
from trust.exchange.consent import ConsentForm, ConsentRole


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptField:
    """One field of the question: its path in the case API's body, and the prompt for it."""

    path: str
    text: str
    optional: bool = False
    choices: tuple[str, ...] = ()


_ABOUT = (
    PromptField(path="reason", text="Why is this needed? It stays at this node"),
    PromptField(path="case_ref", text="Your own reference for the case. It stays at this node"),
)
_PERSON = (
    PromptField(path="subject.family_name", text="Family name", optional=True),
    PromptField(path="subject.given_names", text="Given names", optional=True),
    PromptField(path="subject.birth_date", text="Date of birth (YYYY-MM-DD)", optional=True),
    PromptField(path="subject.nhs_number", text="NHS number", optional=True),
    PromptField(path="subject.upn", text="Unique pupil number", optional=True),
    PromptField(path="subject.nino", text="National Insurance number", optional=True),
    PromptField(path="subject.address.postcode", text="Postcode", optional=True),
)
_CONSENT = (
    PromptField(path="consent.roles", text="What the consent is for", choices=tuple(map(str, ConsentRole))),
    PromptField(path="consent.given_on", text="The day on which the person consented (YYYY-MM-DD)"),
    PromptField(path="consent.form", text="How", choices=tuple(map(str, ConsentForm))),
    PromptField(path="consent.evidence", text="Your reference to where it is filed, without spaces or names"),
)


@dataclass(slots=True, kw_only=True)
class QuestionForm:
    """The fields that were typed, by path. They stay when one of them is wrong."""

    consent: bool
    values: dict[str, str] = field(default_factory=dict)

    def ask_all(self) -> None:
        """Ask for every field, in order. Raises :class:`OperationRefused` where the input ends."""
        for entry in self._fields():
            self._ask(entry)

    def ask_again(self, problem: Mapping[str, Any]) -> bool:
        """Ask again for the fields that the node reports as wrong, and return whether there were any.

        A description that fits too many people is asked for again as far as it was left empty.
        """
        faulty = {str(fault.get("member", "")): str(fault.get("problem", "")) for fault in problem.get("faults", ())}
        wrong = [entry for entry in self._fields() if any(_within(path, entry.path) for path in faulty)]
        if problem.get("code") == "subject-too-vague":
            wrong = [entry for entry in _PERSON if not self.values.get(entry.path)]
        for line in (f"{path}: {why}" for path, why in faulty.items()):
            click.echo(line, err=True)
        if not faulty and wrong:
            click.echo(str(problem.get("remedy", "")), err=True)
        for entry in wrong:
            self._ask(entry)
        return bool(wrong)

    def body(self) -> dict[str, Any]:
        """Return what was typed as the case API takes it."""
        body: dict[str, Any] = {}
        for path, text in self.values.items():
            if text:
                _put(body, path.split("."), [text] if path == "consent.roles" else text)
        return body

    def _fields(self) -> Iterable[PromptField]:
        return (*_ABOUT, *_PERSON, *(_CONSENT if self.consent else ()))

    def _ask(self, entry: PromptField) -> None:
        before = self.values.get(entry.path, "")
        text = entry.text + (", or nothing" if entry.optional else "")
        default = before if before or entry.optional else None
        kind = click.Choice(entry.choices) if entry.choices else None
        unanswered = "No service was asked: the question is not complete. Give it in a terminal or as FILE."
        self.values[entry.path] = prompted(
            text, unanswered=unanswered, default=default, show_default=bool(before), type=kind
        )


def _within(fault: str, path: str) -> bool:
    return fault == path or fault.startswith((f"{path}.", f"{path}[")) or path.startswith(f"{fault}.")


def _put(body: dict[str, Any], steps: list[str], value: object) -> None:
    *outer, last = steps
    for step in outer:
        body = body.setdefault(step, {})
    body[last] = value
