"""What stands in the configuration files beyond what ``init`` writes: services, exact hosts, and types of marks."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.demo.agencies import POLICE_RECORDS_HOST, REGISTRY_HOST, Agency
from gateway.demo.case_systems.records import CaseService
from gateway.demo.filling import AdapterTable

_REASON: Final = "the demo runs every agency on this machine"
_CALLED: Final = {CaseService.JOBCENTRE: REGISTRY_HOST, CaseService.POLICE: POLICE_RECORDS_HOST}
"""The servers among the case systems, by the service that calls them."""
_ANSWER_AFTER_S: Final = 0.2
"""What ``adapter check`` proposes for a case system on the same machine."""


def tables(agency: Agency, adapters: Mapping[CaseService, AdapterTable], addresses: Mapping[str, str], ca: str) -> str:
    """Return the TOML tables of one node; ``addresses`` are those of every host but its own."""
    lines = ["# Everything below comes from the demo."]
    called = called_by(agency)
    if called:
        lines += ["", "[case_systems]", f"names = {_value(called)}", f"ca = {_value(ca)}"]
    lines += _hosts(addresses)
    for hosted in agency.services:
        adapter = adapters[hosted.service]
        lines += ["", "[[services]]"]
        lines += _members({"slug": hosted.service, "name": hosted.name, "kind": hosted.kind})
        lines += _members({"duty_phone": hosted.duty_phone, "answer_after_s": _ANSWER_AFTER_S})
        lines += ["", "[services.adapter]", *_members({"type": adapter.type})]
        lines += ["", "[services.adapter.settings]", *_members(adapter.settings)]
    return "\n".join(lines) + "\n"


def anchor_tables(addresses: Mapping[str, str], marks: Iterable[str]) -> str:
    """Return the tables of the trust anchor: where it reaches its members, and the types of marks that it issues."""
    lines = _hosts(addresses)
    for mark_type in marks:
        lines += ["", "[[marks.issues]]", *_members({"type": mark_type})]
    return "\n".join(lines) + "\n"


def _hosts(addresses: Mapping[str, str]) -> list[str]:
    return ["", "[hosts]"] + [
        f"{_value(host)} = {_value({'address': address, 'reason': _REASON})}" for host, address in addresses.items()
    ]


def called_by(agency: Agency) -> list[str]:
    """Return the hosts of the case systems that an agency's node calls over the network."""
    return [_CALLED[hosted.service] for hosted in agency.services if hosted.service in _CALLED]


def _members(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{name} = {_value(value)}"


def _value(value: object) -> str:
    """Write texts, numbers, lists and tables of these; JSON's escapes are among TOML's."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_value(each)}" for name, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
