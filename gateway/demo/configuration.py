"""Configuration tables that ``init`` does not write: services, exact hosts, trust marks."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.demo.agencies import POLICE_RECORDS_HOST, REGISTRY_HOST, Agency, AnyService
from gateway.demo.case_system_setup import AdapterTable, CaseSystems
from gateway.demo.case_systems.records import CaseService
from gateway.demo.duty_desk import IdentityProvider

_REASON: Final = "the demo runs every agency on this machine"
_SERVER_HOSTS: Final[Mapping[AnyService, str]] = {
    CaseService.JOBCENTRE: REGISTRY_HOST,
    CaseService.POLICE: POLICE_RECORDS_HOST,
}
"""The hosts of the case systems that are servers, by service."""
_ANSWER_AFTER_S: Final = 0.2
"""The value that ``adapter check`` proposes for a case system on the same machine."""


def tables(
    agency: Agency, systems: CaseSystems, addresses: Mapping[str, str], ca: str, sign_in: IdentityProvider | None = None
) -> str:
    """Return the TOML tables of one node; ``addresses`` has every host but its own."""
    lines = ["# The demo wrote the tables below.", *(_sign_in(sign_in) if sign_in else ())]
    servers = server_hosts(agency)
    if servers:
        lines += ["", "[case_systems]", f"names = {_value(servers)}", f"ca = {_value(ca)}"]
    lines += _hosts(addresses)
    for service in agency.every_service:
        lines += ["", "[[services]]"]
        lines += _fields({"slug": service.service, "name": service.name, "kind": service.kind})
        lines += _fields({"duty_phone": service.duty_phone, "answer_after_s": _ANSWER_AFTER_S})
        lines += _case_system("adapter", systems.adapters.get(service.service))
        lines += _case_system("receiver", systems.receivers.get(service.service))
    return "\n".join(lines) + "\n"


def _case_system(name: str, table: AdapterTable | None) -> Iterator[str]:
    if table is not None:
        yield from ("", f"[services.{name}]", *_fields({"type": table.type}))
        yield from ("", f"[services.{name}.settings]", *_fields(table.settings))


def anchor_tables(addresses: Mapping[str, str], marks: Iterable[str]) -> str:
    """Return the tables of the trust anchor: its members' addresses and the types of its trust marks."""
    lines = _hosts(addresses)
    for mark_type in marks:
        lines += ["", "[[marks.issues]]", *_fields({"type": mark_type})]
    return "\n".join(lines) + "\n"


def _sign_in(provider: IdentityProvider) -> Iterator[str]:
    yield from ("", "[[identity.providers]]", *_fields(provider.settings()))
    for position in provider.positions():
        yield from ("", "[[identity.providers.positions]]", *_fields(position))


def _hosts(addresses: Mapping[str, str]) -> list[str]:
    return ["", "[hosts]"] + [
        f"{_value(host)} = {_value({'address': address, 'reason': _REASON})}" for host, address in addresses.items()
    ]


def server_hosts(agency: Agency) -> list[str]:
    """Return the hosts of the case systems that an agency's node calls over HTTPS."""
    return [_SERVER_HOSTS[each.service] for each in agency.services if each.service in _SERVER_HOSTS]


def _fields(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{name} = {_value(value)}"


def _value(value: object) -> str:
    """Write a text, number, list or table as TOML, which has all of JSON's escapes."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_value(each)}" for name, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
