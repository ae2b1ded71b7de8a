"""The configuration file that ``hearthgate init`` writes: complete, valid, and explained line by line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


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
    sections = [_NODE.format(**_quoted(_node_values(node))), _ca(node.ca), _pin(node), _REST]
    sections += [_service(service) for service in node.services]
    return "".join(sections) + (f"\n{node.tables}" if node.tables else "")


def _service(service: ServiceText) -> str:
    described = _SERVICE.format(**_quoted(_service_values(service)))
    return described + (_NO_ADAPTER if service.asks_only else _ADAPTER.format(adapter=_string(NOT_SET_UP)))


def anchor_toml(anchor: AnchorText) -> str:
    """Write an authority's configuration file."""
    values = _quoted({"entity_id": anchor.entity_id, "name": anchor.name, **_face_values(anchor.faces)})
    above = f"superiors = {json.dumps(list(anchor.superiors))}   # who vouch for this intermediate\n"
    pinned = f"recovery = {_string(anchor.recovery or '')}   # public; its private half is kept offline\n"
    own = (above if anchor.superiors else "") + (pinned if anchor.recovery else "")
    text = _ANCHOR.format(**values, own=own) + _ca(anchor.ca) + _ANCHOR_REST
    return text + (f"\n{anchor.tables}" if anchor.tables else "")


def _node_values(node: NodeText) -> dict[str, str]:
    return {
        "entity_id": node.entity_id,
        "name": node.name,
        "case_url": node.case_url,
        **_face_values(node.faces),
    }


def _face_values(faces: FaceText) -> dict[str, str]:
    return {
        "certificate": faces.certificate,
        "key": faces.key,
        "peer_bind": faces.peer_bind,
        "case_bind": faces.case_bind,
        "operations_bind": faces.operations_bind,
    }


def _service_values(service: ServiceText) -> dict[str, str]:
    return {
        "slug": service.slug,
        "name": service.name,
        "kind": service.kind,
        "duty_phone": service.duty_phone,
    }


def _pin(node: NodeText) -> str:
    if node.anchor_entity is None or node.anchor_jwks is None:
        return ""
    return _ANCHOR_PIN.format(anchor_entity=_string(node.anchor_entity), anchor_jwks=_string(node.anchor_jwks))


def _ca(ca: str | None) -> str:
    if ca is None:
        return '# ca = "ca.pem"   # only where the partnership does not use certificates under the system\'s roots\n'
    return f"ca = {_string(ca)}   # instead of the system's roots\n"


def _quoted(values: dict[str, str]) -> dict[str, str]:
    return {name: _string(value) for name, value in values.items()}


def _string(text: str) -> str:
    """Write a TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


_NODE = """\
# A Hearthgate node. Relative paths start at the folder of this file; secrets are files, never values.
# `hearthgate doctor` checks all of it. A single setting can be overlaid by the environment, for example
# HEARTHGATE_PEER__WORKERS=4.

role = "node"

[node]
entity_id = {entity_id}   # who this agency is in the federation; peers reach it at this address
name = {name}
# administrators = 2   # how many people administer it; partners see where it is one

# What other agencies reach, through nginx or another proxy.
[peer]
bind = {peer_bind}
certificate = {certificate}
key = {key}
# workers = 1
# threads = 16

# What this agency's own case systems reach. Keep it off the public network.
[case]
bind = {case_bind}
base_url = {case_url}
certificate = {certificate}
key = {key}
# workers = 1
# threads = 8

# Health and metrics, on loopback only.
[operations]
bind = {operations_bind}

[store]
url = "sqlite:///data/node.db"   # or postgresql://user@host/database, to run on several hosts

[keys]
directory = "keys"   # readable by their owner only; without these files nothing starts

[trust]
"""

_ANCHOR_PIN = """
# The trust anchor, pinned: its keys came by another channel than the network.
[[trust.anchors]]
entity_id = {anchor_entity}
jwks = {anchor_jwks}
"""

_REST = """
# How long the node waits, in seconds.
# [limits]
# lookup_s = 8.0
# peer_s = 5.0
# case_system_s = 3.0
# answers_kept_s = 900

# For how many days it can be accounted for who asked and what was told; six years.
# [retention]
# accounts_days = 2192

# Which of this agency's own systems the adapters may call over the network.
# [case_systems]
# names = ["registry.internal.council.example"]
# ca = "internal-ca.pem"

# Where practitioners sign in, so that case systems need not vouch for them (docs/operating/configuration.md).
# [[identity.providers]]
# issuer = "https://login.council.example/tenant"
# jwks_uri = "https://login.council.example/tenant/keys"
# clients = { "families-web" = "families-cases" }
# role_claim = "groups"
# unit_claim = "team"
# [[identity.providers.positions]]
# service = "connecting-families"
# role = "key-worker"
# unit = "Family Hub East"
# role_value = "Family Support Worker"
# unit_value = "north"

# How often practitioners here may ask, and others may ask here, an hour and at once; a table is given whole.
# [budgets.asking]
# practitioner = { per_hour = 60, burst = 30 }
# agency = { per_hour = 3000, burst = 1000 }
# subject = { per_hour = 30, burst = 15 }
# roles = { duty-officer = { per_hour = 300, burst = 60 } }
# [budgets.answering]
# practitioner = { per_hour = 240, burst = 120 }
# agency = { per_hour = 6000, burst = 2000 }
# subject = { per_hour = 120, burst = 60 }

# Keys of administrators of their own, for machines without login ids (hearthgate trust administrator).
# [administrator_keys]
# "Ada Tarn" = "administrators/ada.jwk"

# A peer that is reached over a private network, which no name may lead to otherwise.
# [networks]
# "trust.example" = { networks = ["10.20.30.0/28"], reason = "reached over the health network" }

# The one CONNECT proxy towards peers, where the agency lets nothing out otherwise.
# [proxy]
# address = "10.0.0.8:3128"
# reason = "nothing leaves the agency but through it"

# For development only: a name that is reached at one exact address, and why. `hearthgate doctor` prints each.
# [hosts]
# "police.example" = { address = "127.0.0.1:18543", reason = "every agency runs on this machine" }
"""

_SERVICE = """
[[services]]
slug = {slug}
name = {name}
kind = {kind}
duty_phone = {duty_phone}
# answer_after_s = 1.0   # `hearthgate adapter check` says what this service's case system needs
"""

_NO_ADAPTER = """\
# It only asks. To let others ask it, set up [services.adapter] (docs/adapters.md).
"""

_ADAPTER = """
# Which adapter reads this service's case system; `hearthgate adapter check` names the types and what is missing.
# A service that only asks needs none: remove both tables.
[services.adapter]
type = {adapter}

[services.adapter.settings]
"""

_ANCHOR = """\
# A Hearthgate authority: a trust anchor, or with superiors an intermediate.
# Relative paths start at the folder of this file; secrets are files, never values.

role = "anchor"

[anchor]
entity_id = {entity_id}   # members know this authority by this name and by its public keys
name = {name}
{own}
# What members reach.
[peer]
bind = {peer_bind}
certificate = {certificate}
key = {key}
# workers = 1
# threads = 16

# Health and metrics, on loopback only.
[operations]
bind = {operations_bind}

[store]
url = "sqlite:///data/anchor.db"

[keys]
directory = "keys"   # readable by their owner only

[trust]
"""

_ANCHOR_REST = """
# The trust marks that this authority issues, and at an anchor those that count (docs/operating/trust-marks.md).
# [[marks.issues]]
# type = "https://anchor.example/marks/data-protection-assured"
# lifetime_days = 90
# [[marks.accredited]]
# type = "https://anchor.example/marks/agreement/vale-early-help"
# issuers = ["https://county.example"]

# Of a trust anchor: how long its members go on without it. Shorter bounds also end the exchange sooner.
# [freshness]
# alarm_minutes = 15
# urgent_only_hours = 24
# closed_hours = 120

# Keys of administrators of their own, for machines without login ids (hearthgate trust administrator).
# [administrator_keys]
# "Ada Tarn" = "administrators/ada.jwk"

# A member that is reached over a private network, which no name may lead to otherwise.
# [networks]
# "trust.example" = { networks = ["10.20.30.0/28"], reason = "reached over the health network" }

# The one CONNECT proxy towards others, where nothing is let out otherwise.
# [proxy]
# address = "10.0.0.8:3128"
# reason = "nothing leaves this network but through it"

# For development only: a name that is reached at one exact address, and why. `hearthgate doctor` prints each.
# [hosts]
# "police.example" = { address = "127.0.0.1:18543", reason = "every agency runs on this machine" }
"""
