"""The matrix of an agreement as SVG: which service may ask or send to which, for which fields, on which law.

Rows are the services that ask or send, columns those that answer or receive. A cell names clauses by a letter, and the
legend below spells each clause out. Services that stand in the same clauses at the same ends share a row beyond
:data:`MOST_SINGLE`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap

from lxml import etree

from gateway.agreements.rendering.markup import element
from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.agreements.reading import in_words, name_services
from trust.identifiers import ClauseId, ServiceRef

MOST_SINGLE = 24
"""Services on one side up to which each has a row or column of its own."""
_SVG = "http://www.w3.org/2000/svg"
_CELL, _LABEL, _HEAD, _MARGIN, _LINE = 64, 300, 220, 16, 18
_LETTER = 7
"""Units of width that a letter takes at the size of the text, at most."""
_WIDEST = 108


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """The rows or the columns: groups of services with a label each."""

    groups: tuple[frozenset[ServiceRef], ...]
    labels: tuple[str, ...]


def matrix(agreement: Agreement) -> bytes:
    """Return the picture in UTF-8, with its title and description for screen readers."""
    letters = {clause.id: _letter(number) for number, clause in enumerate(agreement.clauses)}
    rows = _axis(agreement, {clause.id: clause.askers for clause in agreement.clauses})
    columns = _axis(agreement, {clause.id: clause.holders for clause in agreement.clauses})
    legend = list(_legend(agreement, letters))
    width = max(_LABEL + _CELL * len(columns.groups) + _HEAD, _WIDEST * _LETTER) + 2 * _MARGIN
    top = _MARGIN + _HEAD
    below = top + _CELL * len(rows.groups) + 2 * _LINE
    height = below + _LINE * len(legend) + _MARGIN
    size = {"viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height)}
    picture = element(
        "svg",
        element("title", f"Who may ask or send: {agreement.title}"),
        element("desc", " ".join(legend)),
        element("rect", attributes={"width": "100%", "height": "100%", "fill": "#ffffff"}),
        *_headers(rows, columns, top),
        *_cells(agreement, letters, rows, columns, top),
        *(_text(line, _MARGIN, below + _LINE * number) for number, line in enumerate(legend)),
        attributes={"xmlns": _SVG, "role": "img", **size},
    )
    return etree.tostring(picture, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _axis(agreement: Agreement, services: Mapping[str, frozenset[ServiceRef]]) -> _Axis:
    everyone = sorted(frozenset().union(*services.values()), key=str)
    if len(everyone) <= MOST_SINGLE:
        groups = [frozenset({service}) for service in everyone]
    else:
        alike: dict[frozenset[str], set[ServiceRef]] = {}
        for service in everyone:
            alike.setdefault(frozenset(name for name, each in services.items() if service in each), set()).add(service)
        groups = [frozenset(group) for group in alike.values()]
    return _Axis(groups=tuple(groups), labels=tuple(_label(group, agreement) for group in groups))


def _label(group: frozenset[ServiceRef], agreement: Agreement) -> str:
    first = name_services([min(group, key=str)], agreement)
    return first if len(group) == 1 else f"{len(group)} services, such as {first}"


def _headers(rows: _Axis, columns: _Axis, top: int) -> Iterator[etree._Element]:
    for number, label in enumerate(rows.labels):
        yield _text(_cut(label, _LABEL // _LETTER), _MARGIN, top + _CELL * number + _CELL // 2)
    for number, label in enumerate(columns.labels):
        x, y = _MARGIN + _LABEL + _CELL * number + _CELL // 2, top - 8
        yield _text(_cut(label, _HEAD // _LETTER), x, y, transform=f"rotate(-45 {x} {y})")


def _cells(
    agreement: Agreement, letters: Mapping[ClauseId, str], rows: _Axis, columns: _Axis, top: int
) -> Iterator[etree._Element]:
    for down, askers in enumerate(rows.groups):
        for across, holders in enumerate(columns.groups):
            x, y = _MARGIN + _LABEL + _CELL * across, top + _CELL * down
            clauses = " ".join(letters[each.id] for each in agreement.clauses if _meets(each, askers, holders))
            fill = "#d9e8f6" if clauses else "#ffffff"
            box = {"x": str(x), "y": str(y), "width": str(_CELL), "height": str(_CELL)}
            yield element("rect", attributes={**box, "fill": fill, "stroke": "#505a5f"})
            if clauses:
                yield _text(clauses, x + 6, y + _CELL // 2 + 5)


def _meets(clause: Clause, askers: frozenset[ServiceRef], holders: frozenset[ServiceRef]) -> bool:
    """Say whether a service of one group asks one of the other; no service asks itself."""
    return any(asker != holder for asker in askers & clause.askers for holder in holders & clause.holders)


def _legend(agreement: Agreement, letters: Mapping[ClauseId, str]) -> Iterator[str]:
    yield f"{agreement.id}, version {agreement.version}, from {in_words(agreement.valid_from)} to " + in_words(
        agreement.valid_until
    )
    for clause in agreement.clauses:
        lines = [f"{letters[clause.id]}: clause {clause.id}, {clause.kind}, for {clause.purpose}"]
        lines += [
            f"{role}: {', '.join(sorted(fields)) or 'no field'}"
            for role, fields in sorted(clause.fields_by_role.items())
        ]
        lines.append(clause.law)
        for line in lines:
            yield from wrap(line, _WIDEST, subsequent_indent="    ", break_long_words=True)


def _text(text: str, x: int, y: int, **attributes: str) -> etree._Element:
    look = {"x": str(x), "y": str(y), "font-family": "sans-serif", "font-size": "13", "fill": "#0b0c0c"}
    return element("text", text, attributes={**look, **attributes})


def _letter(number: int) -> str:
    """Return A to Z, then AA, AB and so on."""
    first, last = divmod(number, 26)
    return (_letter(first - 1) if first else "") + chr(ord("A") + last)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
