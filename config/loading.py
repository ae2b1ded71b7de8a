"""Loader of a configuration file and the environment, with all faults in one report."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.settings import AnchorSettings, NodeSettings

NODE_FILE, ANCHOR_FILE = "node.toml", "anchor.toml"
ENVIRONMENT_PREFIX = "HEARTHGATE_"
_SCALAR_TABLES = frozenset({"node", "anchor", "peer", "case", "operations", "store", "keys", "limits", "freshness"})
_LARGEST_FILE = 1_000_000
_FILES = frozenset({"certificate", "key", "jwks", "ca", "credentials"})
"""The settings that name a file which must be there before the node starts."""


class ConfigError(Exception):
    """The configuration cannot be used; ``faults`` lists every mistake with its place, and no values."""

    def __init__(self, source: str, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        count = "one mistake" if len(self.faults) == 1 else f"{len(self.faults)} mistakes"
        super().__init__(f"{source} has {count}:\n" + "\n".join(f"  - {fault}" for fault in self.faults))


def load(path: Path, environment: Mapping[str, str]) -> NodeSettings | AnchorSettings:
    """Load the file at ``path``, overlaid with ``HEARTHGATE_TABLE__NAME`` variables.

    Raises :class:`ConfigError` naming every fault: unreadable or malformed file, unknown names, bad values, missing
    files, and settings that contradict each other.
    """
    source = path.name
    document = read_toml(path)
    faults = list(_overlay(document, environment))
    model: type[NodeSettings | AnchorSettings] = AnchorSettings if document.get("role") == "anchor" else NodeSettings
    settings: NodeSettings | AnchorSettings | None
    try:
        settings = model.model_validate({**document, "base_dir": path.resolve().parent})
    except ValidationError as error:
        faults.extend(sentences(error))
        settings = None
    faults.extend(_contradictions(document))
    faults.extend(_missing_files(document, path.resolve().parent))
    if faults or settings is None:
        raise ConfigError(source, faults)
    return settings


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises :class:`ConfigError`."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigError(path.name, ["the file is larger than 1 MB; is it the right one?"])
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = "check the path given with --config"
        raise ConfigError(path.name, [f"the file cannot be read ({error.strerror}); {remedy}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path.name, [f"the file is not TOML: {error}"]) from error


def _overlay(document: dict[str, Any], environment: Mapping[str, str]) -> Iterable[str]:
    for variable, value in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        table, separator, name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if not separator or table not in _SCALAR_TABLES or not name:
            yield f"environment variable {variable}: write {ENVIRONMENT_PREFIX}TABLE__NAME for a single setting"
            continue
        table_values = document.setdefault(table, {})
        if isinstance(table_values, dict):
            table_values[name] = value


def sentences(error_report: ValidationError) -> Iterable[str]:
    """Turn pydantic's findings into one sentence each, without the value that was written."""
    errors = error_report.errors(include_url=False, include_context=False, include_input=False)
    within = {error["loc"][:-depth] for error in errors for depth in range(1, len(error["loc"]))}
    for error in errors:
        if error["type"] == "too_short" and error["loc"] in within:
            continue  # items with faults of their own are not counted by pydantic, and are not missing
        place = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
        match error["type"]:
            case "extra_forbidden":
                yield f"{place}: there is no such setting; check its spelling"
            case "missing":
                yield f"{place}: this setting is required"
            case _:
                yield f"{place}: {error['msg'].removeprefix('Value error, ')}"


def _contradictions(document: Mapping[str, Any]) -> Iterable[str]:
    faces = {name: document.get(name) for name in ("peer", "case", "operations")}
    binds = Counter(str(face["bind"]) for face in faces.values() if isinstance(face, dict) and "bind" in face)
    for bind, count in binds.items():
        if count > 1:
            yield f"{bind}: {count} faces listen on the same address; give each its own"
    services = document.get("services")
    service_tables = [s for s in services if isinstance(s, dict)] if isinstance(services, list) else []
    for slug, count in Counter(str(service.get("slug")) for service in service_tables).items():
        if count > 1:
            yield f"services: {count} services have the slug {slug}; each needs its own"
    exact, private = document.get("hosts"), document.get("networks")
    for name in sorted(exact.keys() & private.keys()) if isinstance(exact, dict) and isinstance(private, dict) else ():
        yield f"networks.{name}: [hosts] leads this name to one exact address already; keep one of the two"
    identity = document.get("identity")
    providers = identity.get("providers") if isinstance(identity, dict) else None
    issuers = (
        [each.get("issuer") for each in providers if isinstance(each, dict)] if isinstance(providers, list) else []
    )
    for issuer, count in Counter(map(str, issuers)).items():
        if count > 1:
            yield f"identity.providers: {count} have the issuer {issuer}; each needs its own"
    operations = faces["operations"]
    if isinstance(operations, dict) and not str(operations.get("bind", "127.")).startswith(("127.", "[::1]")):
        yield "operations.bind: health and metrics listen on loopback only, such as 127.0.0.1:9443"


def _missing_files(document: Mapping[str, Any], base_dir: Path) -> Iterable[str]:
    """Look for the files that must exist before the node starts, also in a document that has other faults."""
    for table in ("peer", "case", "trust", "case_systems", "proxy", "identity"):
        for place, file_name in _files_named(document.get(table), table):
            if not (base_dir / file_name).exists():
                yield f"{place}: there is no such file"


def _files_named(value: object, place: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name in _FILES and isinstance(item, str):
                yield f"{place}.{name}", item
            else:
                yield from _files_named(item, f"{place}.{name}")
    elif isinstance(value, list):
        for position, item in enumerate(value, start=1):
            yield from _files_named(item, f"{place}[{position}]")
