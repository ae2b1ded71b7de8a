"""Pages of a list: the parameters ``limit`` and ``after`` of a request, and the mark by which the next page begins.

1. A mark is opaque to clients: the place of the last item that they saw. Items that come later are not missed.
2. A parameter that is not known or not well formed is refused: a page that was meant otherwise hides items.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from flask import request

from gateway.web import problem
from gateway.web.problem import Problem
from trust.exchange.errors import Fault
from trust.strict_json import JsonObject

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
_LIMIT = re.compile(r"[1-9][0-9]{0,2}")
_MARK = re.compile(r"([0-9]{1,18})\.([A-Za-z0-9_-]{1,64})")
"""Of so many digits that every store can compare the number."""

PARAMETERS: tuple[JsonObject, ...] = (
    {
        "name": "limit",
        "in": "query",
        "description": f"Items in a page at most; {DEFAULT_LIMIT} if left out.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
    },
    {
        "name": "after",
        "in": "query",
        "description": "The next of the page before; left out for the first page.",
        "schema": {"type": "string", "pattern": f"^{_MARK.pattern}$"},
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMark:
    """A place in a list: microseconds since 1970, and an id."""

    at: int
    id: str

    def __str__(self) -> str:
        return f"{self.at}.{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """How many items are wanted, and after which place; ``None`` for the first page."""

    limit: int
    after: PageMark | None


def read_page_request(*, others: Collection[str] = ()) -> PageRequest:
    """Read the parameters of the current request; its route reads the ``others``. Raises :class:`Problem` with all."""
    faults: list[Fault] = []
    arguments = request.args.to_dict(flat=False)
    for name in others:
        arguments.pop(name, None)
    limit, after = arguments.pop("limit", [str(DEFAULT_LIMIT)]), arguments.pop("after", [])
    if arguments:
        faults.append(
            Fault(
                path="(the query)", problem=f"may have {', '.join(['limit', *others])} and after and no other parameter"
            )
        )
    if len(limit) != 1 or not _LIMIT.fullmatch(limit[0]) or int(limit[0]) > MAX_LIMIT:
        faults.append(Fault(path="limit", problem=f"must be a whole number from 1 to {MAX_LIMIT}"))
    marks = [_MARK.fullmatch(each) for each in after]
    if len(marks) > 1 or not all(marks):
        faults.append(Fault(path="after", problem="must be the next of an earlier page"))
    if faults:
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    match = marks[0] if marks else None
    return PageRequest(limit=int(limit[0]), after=PageMark(at=int(match[1]), id=match[2]) if match else None)
