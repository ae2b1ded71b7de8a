"""Write signed documents and JSON as the pages show them."""

import json
from typing import Any

from trust import base64url, strict_json

_MOST = 65_536
_WIDTH = 100


def claims_of(compact: str) -> dict[str, Any]:
    """Decode the payload of a compact JWS."""
    return strict_json.loads(base64url.decode(compact.split(".")[1].encode(), "payload"), max_bytes=_MOST)


def header_of(compact: str) -> dict[str, Any]:
    """Decode the header of a compact JWS."""
    return strict_json.loads(base64url.decode(compact.split(".", maxsplit=1)[0].encode(), "header"), max_bytes=_MOST)


def shown(compact: str) -> str:
    """Write a signed document as the profile shows it: its header and its claims."""
    return pretty({"header": header_of(compact), "claims": claims_of(compact)})


def pretty(value: object, indent: int = 0) -> str:
    """Write JSON with each part on one line where it fits."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= _WIDTH or not isinstance(value, dict | list):
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + pretty(each, indent + 2) for each in value) + f"\n{' ' * indent}]"
    members = (f"{inner}{json.dumps(name)}: {pretty(each, indent + 2)}" for name, each in value.items())
    return "{\n" + ",\n".join(members) + f"\n{' ' * indent}}}"
