"""Configuration files that ``hearthgate init`` writes, from ``config/templates``."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import config

TEMPLATES = Path(config.__file__).parent / "templates"
_WORD = re.compile(r"@([A-Z_]+)@(?:(?<=TABLES@)\n\Z)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceText:
    """What a file says of the listeners. Paths as they shall stand in the file."""

    certificate: str
    key: str
    peer_bind: str
    case_bind: str
    operations_bind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceText:
    """What a file says of one service before its adapter is set up."""

    slug: str
    name: str
    kind: str
    duty_phone: str
    asks_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeText:
    """What a node's file says. ``tables`` is appended as it stands."""

    entity_id: str
    name: str
    case_url: str
    faces: FaceText
    anchor_entity: str | None
    anchor_jwks: str | None
    ca: str | None
    services: Sequence[ServiceText]
    tables: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorText:
    """What an authority's file says; ``recovery`` is the file of a trust anchor's public recovery key."""

    entity_id: str
    name: str
    superiors: Sequence[str]
    recovery: str | None
    faces: FaceText
    ca: str | None
    tables: str


NOT_SET_UP = "not-set-up"
"""The adapter type of a new service. No adapter has this name, so that the checks ask for one."""


def node_toml(node: NodeText) -> str:
    """Write a node's configuration file."""
    return _fill(
        "node",
        **_quoted(entity_id=node.entity_id, name=node.name, case_url=node.case_url, **asdict(node.faces)),
        ca=_ca(node.ca),
        pin=_pin(node),
        services="".join(_service(service) for service in node.services),
        tables=_tables(node.tables),
    )


def anchor_toml(anchor: AnchorText) -> str:
    """Write an authority's configuration file."""
    above = f"superiors = {json.dumps(list(anchor.superiors))}   # who vouch for this intermediate\n"
    pinned = f"recovery = {_string(anchor.recovery or '')}   # public; its private half is kept offline\n"
    return _fill(
        "authority",
        **_quoted(entity_id=anchor.entity_id, name=anchor.name, **asdict(anchor.faces)),
        own=(above if anchor.superiors else "") + (pinned if anchor.recovery else ""),
        ca=_ca(anchor.ca),
        tables=_tables(anchor.tables),
    )


def _service(service: ServiceText) -> str:
    adapter = _fill("no-adapter") if service.asks_only else _fill("adapter", **_quoted(adapter=NOT_SET_UP))
    values = _quoted(slug=service.slug, name=service.name, kind=service.kind, duty_phone=service.duty_phone)
    return _fill("service", **values, adapter_tables=adapter)


def _pin(node: NodeText) -> str:
    if node.anchor_entity is None or node.anchor_jwks is None:
        return ""
    return _fill("anchor-pin", **_quoted(anchor_entity=node.anchor_entity, anchor_jwks=node.anchor_jwks))


def _ca(ca: str | None) -> str:
    if ca is None:
        return '# ca = "ca.pem"   # only where the partnership does not use certificates under the system\'s roots\n'
    return f"ca = {_string(ca)}   # instead of the system's roots\n"


def _tables(tables: str) -> str:
    return f"\n{tables}" if tables else ""


def _fill(template: str, **values: str) -> str:
    """Replace the words between ``@`` in one of the templates, once; tables at the end bring their own newline."""
    text = (TEMPLATES / f"{template}.toml").read_text(encoding="utf-8")
    return _WORD.sub(lambda word: values[word[1].lower()], text)


def _quoted(**values: str) -> dict[str, str]:
    return {name: _string(value) for name, value in values.items()}


def _string(text: str) -> str:
    """Write a TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
