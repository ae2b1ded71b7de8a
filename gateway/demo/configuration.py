"""Configuration tables that ``init`` does not write: services, exact hosts, trust marks."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.demo.agencies import POLICE_RECORDS_HOST, REGISTRY_HOST, Agency, AnyService
from gateway.demo.case_system_setup import AdapterTable
from gateway.demo.case_systems.records import CaseService

_REASON: Final = "the demo runs every agency on this machine"
_SERVER_HOSTS: Final[Mapping[AnyService, str]] = {
    CaseService.JOBCENTRE: REGISTRY_HOST,
    CaseService.POLICE: POLICE_RECORDS_HOST,
}
"""The hosts of the case systems that are servers, by service."""
_ANSWER_AFTER_S: Final = 0.2
"""The value that ``adapter check`` proposes for a case system on the same machine."""


def tables(agency: Agency, adapters: Mapping[AnyService, AdapterTable], addresses: Mapping[str, str], ca: str) -> str:
    """Return the TOML tables of one node; ``addresses`` has every host but its own."""
    lines = ["# The demo wrote the tables below."]
    servers = server_hosts(agency)
    if servers:
        lines += ["", "[case_systems]", f"names = {_value(servers)}", f"ca = {_value(ca)}"]
    lines += _hosts(addresses)
    for service in agency.every_service:
        lines += ["", "[[services]]"]
        lines += _fields({"slug": service.service, "name": service.name, "kind": service.kind})
        lines += _fields({"duty_phone": service.duty_phone, "answer_after_s": _ANSWER_AFTER_S})
        adapter = adapters.get(service.service)
        if adapter is not None:
            lines += ["", "[services.adapter]", *_fields({"type": adapter.type})]
            lines += ["", "[services.adapter.settings]", *_fields(adapter.settings)]
    return "\n".join(lines) + "\n"


def anchor_tables(addresses: Mapping[str, str], marks: Iterable[str]) -> str:
    """Return the tables of the trust anchor: its members' addresses and the types of its trust marks."""
    lines = _hosts(addresses)
    for mark_type in marks:
        lines += ["", "[[marks.issues]]", *_fields({"type": mark_type})]
    return "\n".join(lines) + "\n"


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
