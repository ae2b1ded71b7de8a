"""OpenAPI 3.1 description of the case API, from the operations that it serves.

``docs/openapi.json`` is this document, and a test compares the two.
"""

from collections.abc import Sequence

from gateway.exchange.options import OptionsView
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.oauth.server import TOKEN_PATH
from gateway.web import problem
from gateway.web.case_openapi import PROBLEMS, ApiOperation, describe, schemas_of
from trust.strict_json import JsonObject

OPENAPI_PATH = RESOURCE_PATH + "/openapi.json"
VERSION = "1"
OPTIONS = ApiOperation(
    path=RESOURCE_PATH + "/options",
    method="get",
    id="listOptions",
    summary="List the purposes, roles, services and benefits that this token may ask with and about.",
    view=OptionsView,
    responses={"200": "What may be asked today."},
)


def document(base_url: str, operations: Sequence[ApiOperation]) -> JsonObject:
    """Return the description of the case API at ``base_url``; ``operations`` are those of the kinds it serves."""
    every = (*operations, OPTIONS)
    paths: dict[str, JsonObject] = {}
    for operation in every:
        paths.setdefault(operation.path, {})[operation.method] = describe(operation)
    paths[OPENAPI_PATH] = {"get": _this_document()}
    schemas = {**schemas_of(every), "Problem": _PROBLEM}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hearthgate case API",
            "version": VERSION,
            "description": "What a case system asks of its own agency's node. In immediate danger, ring 999.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "security": [{"oauth2": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schemas[name] for name in sorted(schemas)},
            "securitySchemes": _security(base_url),
        },
    }


def _this_document() -> JsonObject:
    return {
        "operationId": "getDescription",
        "summary": "Read this description.",
        "security": [],
        "responses": {
            "200": {"description": "This document.", "content": {"application/json": {"schema": {}}}},
            **PROBLEMS,
        },
    }


def _security(base_url: str) -> JsonObject:
    flow = {"tokenUrl": base_url + TOKEN_PATH, "scopes": {}}
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "Client credentials with private_key_jwt, or token exchange (RFC 8693); a bearer token for "
            "ten minutes, or DPoP. docs/case-api.md has the parameters.",
            "flows": {"clientCredentials": flow},
        }
    }


_PROBLEM: JsonObject = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457. The codes are listed in docs/problems.md.",
    "required": ["type", "title", "status", "code", "remedy", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(each.code for each in problem.CATALOGUE)},
        "remedy": {"type": "string"},
        "instance": {"type": "string", "format": "uri", "description": "This request, by its X-Request-Id."},
        "detail": {"type": "string"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["member", "problem"],
                "properties": {"member": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
        "routes": {
            "type": "array",
            "description": "What may be sent without consent instead, where a consent is refused.",
            "items": {"$ref": "#/components/schemas/OfferedRoute"},
        },
    },
}
