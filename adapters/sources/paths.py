"""Path expressions into a JSON document, for configurations.

- ``a.b`` selects fields; ``a."b c"`` one with spaces or signs in its name.
- ``a[]`` selects every item of a list, ``a[0]`` one item.
- ``@`` is the current place, ``[]`` the items of a place that is a list, and ``$.a`` starts at the record.

The language can only select.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import BeforeValidator

_STEP: Final = re.compile(r'(?:([A-Za-z_][A-Za-z0-9_-]{0,63})|"([^"\x00-\x1f]{1,64})")((?:\[[0-9]{0,3}\])*)')
_PLACE: Final = re.compile(r"@?((?:\[[0-9]{0,3}\])+)|@")
_INDEX: Final = re.compile(r"\[([0-9]{0,3})\]")
MAX_PATH: Final = 200

EACH: Final = -1
"""The step to every item of a list."""


@dataclass(frozen=True, slots=True)
class JsonPath:
    """One parsed expression: field names and list indexes, in order."""

    steps: tuple[str | int, ...]
    from_record: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an expression. Raises :class:`ValueError` with examples of valid paths."""
        rest = text.removeprefix("$.")
        from_record = rest != text
        steps: list[str | int] = []
        place = _PLACE.match(rest)
        if place is not None and not from_record:
            steps.extend(_indexes(place.group(1) or ""))
            rest = rest[place.end() :]
            if rest and not rest.startswith("."):
                raise _no_path()
            rest = rest.removeprefix(".") if len(rest) > 1 else rest
        while rest or not (steps or place):
            match = _STEP.match(rest)
            if match is None or len(text) > MAX_PATH:
                raise _no_path()
            name, quoted, indexes = match.groups()
            steps += [name or quoted, *_indexes(indexes)]
            rest = rest[match.end() :]
            if rest and not (rest.startswith(".") and len(rest) > 1):
                raise _no_path()
            rest = rest.removeprefix(".")
        return cls(tuple(steps), from_record=from_record)

    def select(self, place: object, record: object) -> Iterator[object]:
        """Yield every value at this path, without nulls and absent fields."""
        return _walk(record if self.from_record else place, self.steps)

    def first(self, place: object, record: object) -> object:
        """Return the first value at this path, or ``None``."""
        return next(self.select(place, record), None)

    def __str__(self) -> str:
        """Return the expression."""
        text = "".join(
            (f"[{step}]" if step != EACH else "[]") if isinstance(step, int) else f".{_quote(step)}"
            for step in self.steps
        )
        return ("$" if self.from_record else "") + (text if self.from_record else text.removeprefix(".")) or "@"


def parse_setting(text: object) -> JsonPath:
    """Parse the value of a setting. Raises :class:`ValueError`."""
    if not isinstance(text, str):
        raise ValueError("must be a path, in quotes")  # noqa: TRY004 - pydantic collects ValueError
    return JsonPath.parse(text)


Selector = Annotated[JsonPath, BeforeValidator(parse_setting)]
"""A path in the settings of an adapter."""


def _quote(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) else f'"{name}"'


def _indexes(text: str) -> Iterator[int]:
    return (int(index) if index else EACH for index in _INDEX.findall(text))


def _no_path() -> ValueError:
    return ValueError(
        'is not a path such as payload.contacts[].name, items[0], $.payload.name, payload."Date of birth", [] or @'
    )


def _walk(value: object, steps: tuple[str | int, ...]) -> Iterator[object]:
    if value is None:
        return
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        if isinstance(value, dict):
            yield from _walk(value.get(step), rest)
    elif isinstance(value, dict) and step == EACH:  # some exports write a list of one without the list
        yield from _walk(value, rest)
    elif isinstance(value, list):
        items = value if step == EACH else value[step : step + 1]
        for item in items:
            yield from _walk(item, rest)
