"""Read a JSON object member by member, collecting every fault instead of stopping at the first.

A reader never puts a value into a fault: values may be personal. Text is one line of printable characters: control
characters, terminal escapes, line separators and direction overrides are faults, so nothing read here can forge a log
line or a screen (assertion A51).
"""

import re
import unicodedata
from collections.abc import Callable, Collection
from datetime import date
from enum import StrEnum
from typing import TypeVar, cast

from trust.claims import IGNORABLE, UNPRINTABLE
from trust.errors import TrustError, shown_member
from trust.exchange.errors import Fault
from trust.identifiers import MAX_ENTITY_ID
from trust.strict_json import JsonObject

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")
S = TypeVar("S", bound=str)

MAX_TEXT = 200
"""Characters in a text member unless the reader is told otherwise."""
MAX_ITEMS = 1000
"""Items in any list: more is a fault, not a reason to work longer."""
_INVISIBLE = "must not have characters that show nothing, such as a soft hyphen or a zero-width space"
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def one_line(text: str) -> str:
    """Return ``text`` in Unicode NFC with each run of white space made one space and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


class Reader:
    """One JSON object on its way to becoming a typed value.

    ``path`` stands before every member's name in a fault. Readers of nested objects share ``faults``, so the outermost
    caller checks once, at the end, whether there were any. With ``visible``, which they share too, characters that show
    nothing are faults: what is signed must be what was read.
    """

    def __init__(
        self, obj: JsonObject, *, path: str = "", faults: list[Fault] | None = None, visible: bool = False
    ) -> None:
        self._obj = obj
        self._path = path
        self._visible = visible
        self.faults: list[Fault] = [] if faults is None else faults

    def fault(self, name: str, problem: str) -> None:
        """Note that the member ``name`` has a problem."""
        self.faults.append(Fault(path=f"{self._path}{name}", problem=problem))

    def has(self, name: str) -> bool:
        """Say whether the member is there; a JSON null counts as absent."""
        return self._obj.get(name) is not None

    def unknown(self, known: Collection[str]) -> tuple[str, ...]:
        """Return the names of the members that are not in ``known``, made safe to show."""
        return tuple(shown_member(name) for name in sorted(set(self._obj) - set(known)))

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Make every member that is not in ``known`` a fault."""
        for name in self.unknown(known):
            self.fault(name, "is not a member of this object; remove it")

    def text(self, name: str, *, max_len: int = MAX_TEXT, pattern: re.Pattern[str] | None = None) -> str:
        """Read required text; an empty string stands in for one that is missing or faulty."""
        value = self._obj.get(name)
        if (  # as nearly every text is; what follows only says what is wrong with another
            type(value) is str
            and 0 < len(value) <= max_len
            and value.isprintable()  # which is stricter than `UNPRINTABLE`
            and not (self._visible and IGNORABLE.search(value))
            and (pattern is None or pattern.fullmatch(value))
        ):
            return value
        return self._faulty_text(name, max_len, pattern)

    def _faulty_text(self, name: str, max_len: int, pattern: re.Pattern[str] | None) -> str:
        value = self._required(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.fault(name, "must be text")
        elif not 0 < len(value) <= max_len:
            self.fault(name, f"must have 1 to {max_len} characters")
        elif UNPRINTABLE.search(value):
            self.fault(name, "must be one line without control characters")
        elif self._visible and IGNORABLE.search(value):
            self.fault(name, _INVISIBLE)
        elif pattern is not None and not pattern.fullmatch(value):
            self.fault(name, "has characters or a form that are not allowed here")
        else:
            return value
        return ""

    def optional_text(
        self, name: str, *, max_len: int = MAX_TEXT, pattern: re.Pattern[str] | None = None
    ) -> str | None:
        """Read text that may be absent."""
        if self._obj.get(name) is None:
            return None
        return self.text(name, max_len=max_len, pattern=pattern) or None

    def flag(self, name: str) -> bool:
        """Read true or false; absent is false."""
        value = self._obj.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.fault(name, "must be true or false")
        return False

    def whole(self, name: str, *, least: int, most: int) -> int:
        """Read a required whole number between ``least`` and ``most``."""
        value = self._obj.get(name)
        if type(value) is int and least <= value <= most:
            return value
        if self._required(name) is None:
            return least
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(name, f"must be a whole number from {least} to {most}")
            return least
        return value

    def whole_numbers(self, name: str, *, least: int, most: int, max_items: int) -> tuple[int, ...]:
        """Read a list of whole numbers that may be absent."""
        numbers: list[int] = []
        for position, item in enumerate(self._items(name, required=False, max_items=max_items)):
            if isinstance(item, bool) or not isinstance(item, int) or not least <= item <= most:
                self.fault(f"{name}[{position}]", f"must be a whole number from {least} to {most}")
            else:
                numbers.append(item)
        return tuple(numbers)

    def day(self, name: str) -> date:
        """Read a required date written YYYY-MM-DD; ``date.min`` stands in for a faulty one."""
        value = self.text(name, max_len=10)
        if not value:
            return date.min
        try:
            if not _ISO_DATE.fullmatch(value):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            self.fault(name, "must be a date that exists, written YYYY-MM-DD")
            return date.min

    def optional_day(self, name: str) -> date | None:
        """Read a date that may be absent."""
        return self.day(name) if self.has(name) else None

    def choice(self, name: str, vocabulary: type[E]) -> E | None:
        """Read one word of a closed vocabulary; ``None`` stands in for a faulty one."""
        value = self.text(name)
        if not value:
            return None
        try:
            return vocabulary(value)
        except ValueError:
            self.fault(name, "must be one of " + ", ".join(vocabulary))
            return None

    def parsed(self, name: str, parse: Callable[[str], S]) -> S:
        """Read required text through a parser of :mod:`trust.identifiers`, turning its refusal into a fault.

        What stands in for a faulty value is the empty string: the caller must not use it once there are faults.
        """
        value = self.text(name, max_len=MAX_ENTITY_ID)  # the longest of what is parsed; each parser has its own cap
        if value:
            try:
                return parse(value)
            except TrustError as refusal:
                self.fault(name, refusal.detail)
        return cast("S", "")

    def texts(self, name: str, *, required: bool = True, max_items: int = MAX_ITEMS) -> tuple[str, ...]:
        """Read a list of texts, none of them twice."""
        values: list[str] = []
        for position, item in enumerate(self._items(name, required=required, max_items=max_items)):
            if not isinstance(item, str) or not 0 < len(item) <= MAX_TEXT or UNPRINTABLE.search(item):
                self.fault(f"{name}[{position}]", f"must be one line of 1 to {MAX_TEXT} characters")
            elif self._visible and IGNORABLE.search(item):
                self.fault(f"{name}[{position}]", _INVISIBLE)
            elif item in values:
                self.fault(f"{name}[{position}]", "stands in the list twice")
            else:
                values.append(item)
        return tuple(values)

    def parsed_list(self, name: str, parse: Callable[[str], T], *, required: bool = True) -> tuple[T, ...]:
        """Read a list of texts, each through a parser; what the parser refuses is a fault and left out."""
        items = (
            self.parse_item(f"{name}[{position}]", text, parse)
            for position, text in enumerate(self.texts(name, required=required))
        )
        return tuple(item for item in items if item is not None)

    def child(self, name: str, *, required: bool = True) -> "Reader | None":
        """Read a nested object; ``None`` when it is absent or not an object (then a fault says so)."""
        value = self._required(name) if required else self._obj.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fault(name, "must be an object")
            return None
        return Reader(value, path=f"{self._path}{name}.", faults=self.faults, visible=self._visible)

    def raw_child(self, name: str, *, required: bool = True) -> JsonObject | None:
        """Return a nested object as it is, for a reader of its own."""
        value = self._required(name) if required else self._obj.get(name)
        if value is None or isinstance(value, dict):
            return value
        self.fault(name, "must be an object")
        return None

    def children(self, name: str, *, required: bool = True, max_items: int = MAX_ITEMS) -> list["Reader"]:
        """Read a list of nested objects."""
        readers: list[Reader] = []
        for position, item in enumerate(self._items(name, required=required, max_items=max_items)):
            if isinstance(item, dict):
                path = f"{self._path}{name}[{position}]."
                readers.append(Reader(item, path=path, faults=self.faults, visible=self._visible))
            else:
                self.fault(f"{name}[{position}]", "must be an object")
        return readers

    def names(self) -> tuple[str, ...]:
        """Return the member names, in order."""
        return tuple(self._obj)

    def parse_item(self, name: str, value: str, parse: Callable[[str], T]) -> T | None:
        """Parse ``value``, which stands in member ``name``; the parser's refusal becomes a fault and ``None``."""
        try:
            return parse(value)
        except TrustError as refusal:
            self.fault(name, refusal.detail)
            return None

    def _required(self, name: str) -> object:
        value = self._obj.get(name)
        if value is None:
            self.fault(name, "is missing")
        return value

    def _items(self, name: str, *, required: bool, max_items: int) -> list[object]:
        value = self._required(name) if required else self._obj.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(name, "must be a list")
            return []
        if len(value) > max_items or (required and not value):
            self.fault(name, f"must have 1 to {max_items} items")
            return []
        return value
