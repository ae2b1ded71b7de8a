"""The question that ``hearthgate lookup`` asks at the prompt, member by member, and again where one was wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from gateway.cli.output import prompted
from trust.exchange.consent import ConsentForm, ConsentRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of the question: its path in the case API's body, and what to ask."""

    path: str
    text: str
    optional: bool = False
    choices: tuple[str, ...] = ()


_ABOUT = (
    Member(path="reason", text="Why is this needed? It stays at this node"),
    Member(path="case_ref", text="Your own reference for the case. It stays at this node"),
)
_PERSON = (
    Member(path="subject.family_name", text="Family name", optional=True),
    Member(path="subject.given_names", text="Given names", optional=True),
    Member(path="subject.birth_date", text="Date of birth (YYYY-MM-DD)", optional=True),
    Member(path="subject.nhs_number", text="NHS number", optional=True),
    Member(path="subject.upn", text="Unique pupil number", optional=True),
    Member(path="subject.nino", text="National Insurance number", optional=True),
    Member(path="subject.address.postcode", text="Postcode", optional=True),
)
_CONSENT = (
    Member(path="consent.roles", text="What the consent is for", choices=tuple(map(str, ConsentRole))),
    Member(path="consent.given_on", text="The day on which the person consented (YYYY-MM-DD)"),
    Member(path="consent.form", text="How", choices=tuple(map(str, ConsentForm))),
    Member(path="consent.evidence", text="Your reference to where it is filed, without spaces or names"),
)


@dataclass(slots=True, kw_only=True)
class Typed:
    """What was typed so far, by path. It is kept when something in it was wrong."""

    consent: bool
    said: dict[str, str] = field(default_factory=dict)

    def ask_all(self) -> None:
        """Ask for every member, in order. Raises :class:`OperationRefused` where the input ends."""
        for member in self._members():
            self._ask(member)

    def ask_again(self, problem: Mapping[str, Any]) -> bool:
        """Ask for the members that the node found wrong, and say whether there were any.

        A description that fits too many people is asked for again as far as it was left empty.
        """
        faulty = {str(fault.get("member", "")): str(fault.get("problem", "")) for fault in problem.get("faults", ())}
        wrong = [member for member in self._members() if any(_within(path, member.path) for path in faulty)]
        if problem.get("code") == "subject-too-vague":
            wrong = [member for member in _PERSON if not self.said.get(member.path)]
        for line in (f"{path}: {why}" for path, why in faulty.items()):
            click.echo(line, err=True)
        if not faulty and wrong:
            click.echo(str(problem.get("remedy", "")), err=True)
        for member in wrong:
            self._ask(member)
        return bool(wrong)

    def body(self) -> dict[str, Any]:
        """Return what was typed as the case API takes it."""
        body: dict[str, Any] = {}
        for path, text in self.said.items():
            if text:
                _put(body, path.split("."), [text] if path == "consent.roles" else text)
        return body

    def _members(self) -> Iterable[Member]:
        return (*_ABOUT, *_PERSON, *(_CONSENT if self.consent else ()))

    def _ask(self, member: Member) -> None:
        before = self.said.get(member.path, "")
        text = member.text + (", or nothing" if member.optional else "")
        default = before if before or member.optional else None
        kind = click.Choice(member.choices) if member.choices else None
        unanswered = "No service was asked: the question is not complete. Give it in a terminal or as FILE."
        self.said[member.path] = prompted(
            text, unanswered=unanswered, default=default, show_default=bool(before), type=kind
        )


def _within(fault: str, path: str) -> bool:
    return fault == path or fault.startswith((f"{path}.", f"{path}[")) or path.startswith(f"{fault}.")


def _put(body: dict[str, Any], steps: list[str], value: object) -> None:
    *outer, last = steps
    for step in outer:
        body = body.setdefault(step, {})
    body[last] = value
