"""JSON of frozen dataclasses by their own type hints, so that a new field is written and read without more code.

Equal values give equal JSON: sets are sorted, and fields that equal their default are left out. It is for records that
this node writes and reads again itself; documents of others are read by :mod:`trust.exchange.reader`.
"""

import types
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from trust.errors import MalformedClaims
from trust.strict_json import JsonObject, dumps

T = TypeVar("T")


def encode(value: object) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Return a value as JSON. Raises ``TypeError`` for a type that no record holds."""
    form: Any = type(value)
    return _encoder(form)(value)


def encode_fields(value: object, *, leave_out: Collection[str] = ()) -> JsonObject:
    """Return the fields of a dataclass as JSON, without these and without those that equal their default."""
    form: Any = type(value)
    present = ((name, getattr(value, name), default) for name, default in _plan(form) if name not in leave_out)
    return {name: encode(item) for name, item, default in present if item != default}


def decode(form: type[T], json_value: object) -> T:
    """Return the value of a type that :func:`encode` wrote. Raises :class:`MalformedClaims` for anything else."""
    hint: Any = form
    try:
        value: T = _decoder(hint)(json_value)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise MalformedClaims(f"The record is not that of a {getattr(form, '__name__', form)}.") from None
    return value


def decode_fields(form: type[T], json_value: Mapping[str, object], **others: object) -> T:
    """Return the dataclass whose fields :func:`encode_fields` wrote, with the ``others`` as they are.

    Members that are no field of it are ignored. Raises :class:`MalformedClaims`.
    """
    names: Any = form
    hints, whole = typing.get_type_hints(form), {each.name for each in fields(names)} - others.keys()
    values = {name: decode(hints[name], value) for name, value in json_value.items() if name in whole}
    try:
        return form(**others, **values)
    except TypeError:
        raise MalformedClaims(f"The record of a {form.__name__} lacks a member.") from None


@cache
def _encoder(form: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a class of any kind
    """Return what writes the values of a class."""
    if is_dataclass(form):
        return encode_fields
    for base, write in _WRITERS.items():
        if issubclass(form, base):
            return write
    raise TypeError(f"no record holds a {form.__name__}")


@cache
def _plan(form: Any) -> tuple[tuple[str, object], ...]:  # noqa: ANN401 - a dataclass of any kind
    """Return the names of a dataclass's fields, each with its default."""
    return tuple((each.name, _default(each)) for each in fields(form))


def _default(each: Field[Any]) -> object:
    if each.default is not MISSING:
        return each.default
    return MISSING if each.default_factory is MISSING else each.default_factory()


_WRITERS: Mapping[type, Callable[[Any], Any]] = types.MappingProxyType(
    {
        types.NoneType: lambda _: None,
        int: lambda value: value,  # and truth values, which are numbers too
        str: str,
        datetime: lambda value: value.astimezone(UTC).isoformat(),  # before `date`, which it is too
        date: date.isoformat,
        frozenset: lambda value: sorted(map(encode, value), key=dumps),
        tuple: lambda value: list(map(encode, value)),
        Mapping: lambda value: {str(name): encode(item) for name, item in value.items()},
    }
)


@cache
def _decoder(form: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a type hint of any form
    """Return what reads the JSON of a type hint."""
    origin, arguments = typing.get_origin(form), typing.get_args(form)
    if hasattr(form, "__supertype__"):  # a NewType
        return _decoder(form.__supertype__)
    if origin in (types.UnionType, typing.Union):
        inner = _decoder(next(each for each in arguments if each is not types.NoneType))
        return lambda json_value: None if json_value is None else inner(json_value)
    if origin in (frozenset, tuple):
        item = _decoder(arguments[0])
        return lambda json_value: origin(item(each) for each in _exact(list, json_value))
    if origin in (Mapping, dict):
        name, item = _decoder(arguments[0]), _decoder(arguments[1])
        return lambda json_value: {name(key): item(each) for key, each in json_value.items()}
    return _class_decoder(form)


def _class_decoder(form: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a class of any kind
    if is_dataclass(form):
        hints = typing.get_type_hints(form)
        decoders = {each.name: _decoder(hints[each.name]) for each in fields(form)}
        make: Any = form
        return lambda json_value: make(**{name: decoders[name](value) for name, value in json_value.items()})
    if issubclass(form, StrEnum):
        return lambda json_value: form(json_value)  # noqa: PLW0108 - a class is Any to the type checker, a function is not
    if form in (datetime, date):
        return lambda json_value: form.fromisoformat(json_value)  # noqa: PLW0108 - as above
    if form in (str, int, bool):
        return lambda json_value: _exact(form, json_value)
    raise TypeError(f"no record holds a {form}")


def _exact(form: type[T], json_value: object) -> T:
    if type(json_value) is not form:
        raise TypeError
    return json_value
