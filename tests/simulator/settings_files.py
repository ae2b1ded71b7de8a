"""Write the configuration files that the nodes are started from, and read them as a running node does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.loading import load
from config.settings import AnchorSettings, NodeSettings
from gateway.demo.agencies import Agency
from tests.simulator.case_files import REGISTRY_HOST, adapter_table
from tests.simulator.town import ANCHOR
from trust.identifiers import EntityId
from trust.keys import KeySet

ANSWER_AFTER_S = 0.1
"""The shortest step of conditional answers, since no test waits for a slow case system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """Where one entity listens; ``tls`` are its certificate and key, or placeholders where nothing is served."""

    peer: str = "127.0.0.1:8443"
    case: str = "127.0.0.1:8444"
    operations: str = "127.0.0.1:8445"
    tls: tuple[Path, Path] = (Path("face.crt"), Path("face.key"))
    workers: int = 1
    threads: int = 16

    def face(self, bind: str) -> dict[str, Any]:
        """Return the table of one face."""
        return {
            "bind": bind,
            "certificate": str(self.tls[0]),
            "key": str(self.tls[1]),
            "workers": self.workers,
            "threads": self.threads,
        }


def budget(**narrow: int) -> dict[str, dict[str, int]]:
    """Return budgets for more than any test asks, but for those that are given: so many at once, as many an hour."""
    return {
        who: {"per_hour": narrow.get(who, 1_000_000), "burst": narrow.get(who, 1_000_000)}
        for who in ("practitioner", "agency", "subject")
    }


ROOMY = budget()
ROOMY_MESSAGES = {who: {"per_hour": 1_000_000, "burst": 1_000_000} for who in ("peer", "red", "clause", "client")}
"""Budgets for more messages than any test or benchmark sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What every node of a network is told alike; ``hosts`` and ``ca`` for nodes that are really served.

    ``more_anchors`` are pinned beside the one; ``superiors`` are those of members that are not directly below that one.
    """

    anchor_keys: KeySet
    more_anchors: Mapping[EntityId, KeySet] = field(default_factory=dict)
    superiors: Mapping[EntityId, tuple[EntityId, ...]] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    ca: Path | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    budget: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: ROOMY)
    messages: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: ROOMY_MESSAGES)


def case_base_url(agency: Agency) -> str:
    """Return where an agency's case systems reach their node."""
    return f"https://node.{agency.host}"


NEUTRAL_DESK = "01632 960999"
"""The number behind which every agency hides a restricted place."""


def _identity(agency: Agency) -> dict[str, str]:
    return {"entity_id": agency.entity_id, "name": agency.name, "neutral_desk": NEUTRAL_DESK}


def write_node(
    folder: Path,
    agency: Agency,
    around: Around,
    faces: Faces | None = None,
    *,
    restrictions: Mapping[str, list[dict[str, str]]] | None = None,
    store: str | None = None,
) -> Path:
    """Write a node's configuration file and what it names; return the file's path. ``restrictions`` are by service."""
    faces = faces or Faces()
    document: dict[str, Any] = {
        "node": {**_identity(agency), **_superiors(around, agency.entity_id)},
        "peer": faces.face(faces.peer),
        "case": {**faces.face(faces.case), "base_url": case_base_url(agency)},
        "operations": {"bind": faces.operations},
        **({} if store is None else {"store": {"url": store}}),
        "trust": {"anchors": _pinned(folder, around), **_ca(around)},
        "hosts": {
            name: {"address": address, "reason": "a development federation"} for name, address in around.hosts.items()
        },
        "case_systems": {"names": [REGISTRY_HOST], **_ca(around)},
        "limits": dict(around.limits),
        "budgets": {"asking": around.budget, "answering": around.budget, "messages": dict(around.messages)},
        "services": [
            {
                "slug": service.service,
                "name": service.name,
                "kind": service.kind,
                "duty_phone": service.duty_phone,
                "adapter": adapter_table(service),
                "answer_after_s": ANSWER_AFTER_S,
                "restrictions": (restrictions or {}).get(service.service, []),
            }
            for service in agency.services
        ],
    }
    return _write(folder, document)


def write_anchor(
    folder: Path,
    faces: Faces | None = None,
    *,
    entity: EntityId = ANCHOR,
    under: Around | None = None,
    marks: Mapping[str, Any] | None = None,
) -> Path:
    """Write an authority's configuration file; return its path. One ``under`` others is an intermediate."""
    faces = faces or Faces()
    return _write(
        folder,
        {
            "role": "anchor",
            "anchor": {
                "entity_id": entity,
                "name": "Thornmere Partnership",
                **(_superiors(under, entity) if under is not None else {}),
            },
            "peer": faces.face(faces.peer),
            "operations": {"bind": faces.operations},
            **({"trust": {"anchors": _pinned(folder, under)}} if under is not None else {}),
            **({"marks": dict(marks)} if marks is not None else {}),
        },
    )


def read_node(path: Path) -> NodeSettings:
    """Read a node's file as a running node does."""
    settings = load(path, {})
    assert isinstance(settings, NodeSettings)
    return settings


def read_anchor(path: Path) -> AnchorSettings:
    """Read the anchor's file as a running anchor does."""
    settings = load(path, {})
    assert isinstance(settings, AnchorSettings)
    return settings


def _superiors(around: Around, entity: EntityId) -> dict[str, Any]:
    return {"superiors": list(around.superiors[entity])} if entity in around.superiors else {}


def _pinned(folder: Path, around: Around) -> list[dict[str, str]]:
    """Write the pins of all anchors beside the configuration."""
    pinned = []
    for anchor, keys in {ANCHOR: around.anchor_keys, **around.more_anchors}.items():
        name = f"{anchor.removeprefix('https://')}.jwks"
        (folder / name).write_text(json.dumps(keys.to_jwks()))
        pinned.append({"entity_id": anchor, "jwks": name})
    return pinned


def _ca(around: Around) -> dict[str, Any]:
    return {} if around.ca is None else {"ca": str(around.ca)}


def _write(folder: Path, document: Mapping[str, Any]) -> Path:
    for name in ("face.crt", "face.key"):
        (folder / name).touch()
    path = folder / "hearthgate.toml"
    path.write_text("".join(f"{name} = {toml(value)}\n" for name, value in document.items()), encoding="utf-8")
    return path


def toml(value: object) -> str:
    """Write one value; tables go in line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, Path):
        return json.dumps(str(value))
    return json.dumps(value)
