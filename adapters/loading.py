"""Build a service's adapter from its configuration.

Adapter types are entry points in the group ``hearthgate.adapters``, the project's own and those of other packages. Two
packages that offer the same type are refused; only the types in use are imported.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adapters.contract import Adapter, AdapterContext, AdapterFactory, SourceMisconfigured

GROUP: Final = "hearthgate.adapters"


def adapter_types() -> Mapping[str, EntryPoint]:
    """Return the installed adapter types by name. Raises :class:`SourceMisconfigured` for a duplicate name."""
    return _types_on(tuple(sys.path))


@cache
def _types_on(_path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    """Read every installed package's entry points, once for each path that packages are found on."""
    types: dict[str, EntryPoint] = {}
    faults: list[str] = []
    for point in entry_points(group=GROUP):
        first = types.setdefault(point.name, point)
        if first.value != point.value:
            faults.append(f"{point.name} is offered by {_origin(first)} and by {_origin(point)}; uninstall one")
    if faults:
        raise SourceMisconfigured("Two packages offer the same adapter type: " + "; ".join(faults) + ".", faults)
    return MappingProxyType(types)


def build_adapter(type_name: str, settings: Mapping[str, object], context: AdapterContext) -> Adapter:
    """Build the adapter of one service from its ``[services.adapter.settings]`` table, without opening anything.

    Raises :class:`SourceMisconfigured`; its ``faults`` name every mistake and repeat no value, because a setting may be
    a secret by mistake.
    """
    types = adapter_types()
    if type_name not in types:
        installed_names = ", ".join(sorted(types)) or "none: install hearthgate into this environment"
        raise SourceMisconfigured(f"There is no adapter type {type_name!r}; the installed types are {installed_names}.")
    factory = _load(types[type_name])
    try:
        valid_settings = factory.settings_model.model_validate(settings)
    except ValidationError as error:
        faults = [_fault(detail) for detail in error.errors(include_url=False, include_input=False)]
        detail = f"The settings of the adapter of service {context.service} cannot work: " + "; ".join(faults) + "."
        raise SourceMisconfigured(detail, faults) from None
    return factory.build(valid_settings, context)


def add_receiver(adapter: Adapter, type_name: str, settings: Mapping[str, object], context: AdapterContext) -> Adapter:
    """Return ``adapter`` with the receiver of another type, from its ``[services.receiver.settings]`` table.

    Raises :class:`SourceMisconfigured`, also where the type takes no messages or ``adapter`` already does.
    """
    try:
        built = build_adapter(type_name, settings, context)
    except SourceMisconfigured as refused:
        faults = [f"receiver: {fault}" for fault in refused.faults or (refused.detail,)]
        raise SourceMisconfigured(f"The receiver of service {context.service} cannot work.", faults) from None
    if built.receiver is None:
        raise SourceMisconfigured(f"The adapter type {type_name!r} takes no messages: name another in receiver.")
    if adapter.receiver is not None:
        raise SourceMisconfigured(f"The adapter of service {context.service} takes messages itself: remove receiver.")
    return replace(adapter, receiver=built.receiver, checks=(*adapter.checks, *built.checks))


def _load(point: EntryPoint) -> AdapterFactory:
    try:
        factory: AdapterFactory = point.load()
    except (ImportError, AttributeError) as error:
        raise SourceMisconfigured(
            f"The adapter type {point.name!r} of {_origin(point)} cannot be loaded: {error}."
        ) from error
    return factory


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} ({point.value})" if point.dist is not None else point.value


def _fault(detail: ErrorDetails) -> str:
    """Return the setting and the rule. The sentence comes from the model, never from the value."""
    place = ".".join(str(part) for part in detail["loc"]) or "settings"
    return f"{place}: {detail['msg'].removeprefix('Value error, ')}"
