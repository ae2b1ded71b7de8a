"""Small path expressions into a JSON document, for configurations.

``a.b`` steps into members, ``a[]`` goes through a list, ``a[0]`` takes one item of it, ``@`` is the place itself and
``$.a`` starts at the record instead of the place. That is the whole language: it can select and nothing else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

_STEP: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_-]{0,63})((?:\[[0-9]{0,3}\])*)")
_INDEX: Final = re.compile(r"\[([0-9]{0,3})\]")
MAX_PATH: Final = 200

EACH: Final = -1
"""The step that goes through every item of a list."""


@dataclass(frozen=True, slots=True)
class JsonPath:
    """One parsed expression: member names and list indexes, in order."""

    steps: tuple[str | int, ...]
    from_record: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an expression. Raises :class:`ValueError`, whose text says what the language allows."""
        rest = text.removeprefix("$.")
        if text == "@":
            return cls(())
        steps: list[str | int] = []
        for part in rest.split("."):
            found = _STEP.fullmatch(part)
            if found is None or len(text) > MAX_PATH:
                raise ValueError("is not a path such as payload.contacts[].name, items[0], $.payload.name or @")
            steps.append(found.group(1))
            steps.extend(int(index) if index else EACH for index in _INDEX.findall(found.group(2)))
        return cls(tuple(steps), from_record=rest != text)

    def select(self, place: object, record: object) -> Iterator[object]:
        """Yield every value at this path, nulls and absent members left out."""
        return _walk(record if self.from_record else place, self.steps)

    def first(self, place: object, record: object) -> object:
        """Return the first value at this path, or ``None``."""
        return next(self.select(place, record), None)


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
    elif isinstance(value, list):
        items = value if step == EACH else value[step : step + 1]
        for item in items:
            yield from _walk(item, rest)
