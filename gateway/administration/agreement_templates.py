"""Templates of agreements: TOML with directives, which say what is asked and which services take which part.

1. A directive is a line that begins with ``#:``; no draft has any.
2. ``#: ask NAME = QUESTION | DEFAULT`` names what replaces ``@NAME@``.
3. ``#: part NAME = KINDS`` names the kinds of service that take a part; ``*`` is any kind.
4. ``#: clause`` begins a clause; it states who asks, who holds, and its laws, by nation where they differ.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import config
from gateway.administration.errors import OperationRefused
from trust.agreements.legal_entry import UkNation

FOLDER: Final = Path(config.__file__).parent / "templates" / "agreements"
HEAD, SCHEDULE_HEAD, OVERARCHING = "head", "schedule-head", "overarching"
ANY_KIND = "*"
PLACE: Final = re.compile(r"@([a-z_]+)@")
"""Where an answer goes."""
_DIRECTIVE: Final = re.compile(r"#: (?P<word>[a-z]+) ?(?P<name>[a-z_-]+)? ?(?:= (?P<value>.*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateQuestion:
    """What is asked for a draft; the answer replaces ``@name@``."""

    name: str
    text: str
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseTemplate:
    """A clause of a template: the parts that ask and hold, the codes of its laws, and its text."""

    askers: str
    holders: str
    basis: tuple[str, ...]
    basis_by_nation: Mapping[UkNation, tuple[str, ...]]
    text: str

    def value(self, name: str) -> str:
        """Return a text of the clause, such as its kind."""
        match = re.search(rf'^{name} = "([^"]*)"$', self.text, re.MULTILINE)
        return match[1] if match else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementTemplate:
    """A template: its own part of the head, and its clauses. ``parts`` have kinds of service, or any where ``None``."""

    name: str
    title: str
    about: str
    questions: tuple[TemplateQuestion, ...]
    parts: Mapping[str, frozenset[str] | None]
    head: str
    clauses: tuple[ClauseTemplate, ...]


def template_names() -> tuple[str, ...]:
    """Return the names of the templates that there are."""
    names = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return tuple(name for name in names if name not in {HEAD, SCHEDULE_HEAD})


def load_template(name: str, *, is_schedule: bool) -> AgreementTemplate:
    """Read a template with the head for its tier. Raises ``OperationRefused``."""
    if name not in template_names():
        raise OperationRefused(f"There is no template {name}; choose one of: {', '.join(template_names())}.")
    head = _read(SCHEDULE_HEAD if is_schedule else HEAD)
    own = _read(name)
    titles, about = own.values("title"), own.values("about")
    return AgreementTemplate(
        name=name,
        title=titles[""],
        about=about[""],
        questions=tuple(_question(*each) for each in head.values("ask").items()),
        parts={part: _kinds(value) for part, value in own.values("part").items()},
        head=f"{head.text.rstrip()}\n\n{own.text.rstrip()}\n",
        clauses=tuple(_clause(block) for block in own.clauses),
    )


@dataclass(slots=True)
class _Block:
    """Lines of a template, and the directives among them; the first block has the others as clauses."""

    lines: list[str] = field(default_factory=list)
    directives: list[tuple[str, str, str]] = field(default_factory=list)
    clauses: list["_Block"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def values(self, word: str) -> dict[str, str]:
        return {name: value for directive, name, value in self.directives if directive == word}


def _read(name: str) -> _Block:
    whole = block = _Block()
    for line in (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines():
        directive = _DIRECTIVE.fullmatch(line)
        if directive is None:
            block.lines.append(line)
        elif directive["word"] == "clause":
            block = _Block()
            whole.clauses.append(block)
        else:
            block.directives.append((directive["word"], directive["name"] or "", directive["value"] or ""))
    return whole


def _question(name: str, value: str) -> TemplateQuestion:
    text, _, default = value.partition(" | ")
    return TemplateQuestion(name=name, text=text, default=default)


def _kinds(value: str) -> frozenset[str] | None:
    return None if value == ANY_KIND else frozenset(value.split())


def _clause(block: _Block) -> ClauseTemplate:
    laws = {name: tuple(value.split()) for name, value in block.values("basis").items()}
    return ClauseTemplate(
        askers=block.values("askers")[""],
        holders=block.values("holders")[""],
        basis=laws.get("", ()),
        basis_by_nation={nation: laws[nation] for nation in UkNation if nation in laws},
        text=block.text.strip(),
    )
