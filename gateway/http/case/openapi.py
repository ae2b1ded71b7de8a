"""Write the case API's OpenAPI 3.1 description from the types that serve it.

Requests come from the pydantic models, answers from the dataclasses of :mod:`gateway.callers`; nothing is described
that is not read or written by those very types. ``docs/openapi.json`` is this document, and a test compares the two.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from gateway.callers import EligibilityView, LookupView, OptionsView
from gateway.http.case.models import SUBJECT_SCHEMA, EligibilityBody, LookupBody
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.oauth.server import TOKEN_PATH
from gateway.web import problem
from trust.strict_json import JsonObject

LOOKUPS_PATH = RESOURCE_PATH + "/lookups"
LOOKUP_PATH = LOOKUPS_PATH + "/{id}"
ELIGIBILITY_PATH = RESOURCE_PATH + "/eligibility"
OPTIONS_PATH = RESOURCE_PATH + "/options"
OPENAPI_PATH = RESOURCE_PATH + "/openapi.json"
VERSION = "1"

LOOKUP_VIEW: TypeAdapter[LookupView] = TypeAdapter(LookupView)
ELIGIBILITY_VIEW: TypeAdapter[EligibilityView] = TypeAdapter(EligibilityView)
OPTIONS_VIEW: TypeAdapter[OptionsView] = TypeAdapter(OptionsView)
_REFERENCE = "#/components/schemas/{model}"
EXAMPLE_SUBJECT: JsonObject = {"nhs_number": "969 129 2211", "family_name": "Reed", "birth_date": "2004-03-09"}
_EXAMPLE_ASKING: JsonObject = {
    "subject": EXAMPLE_SUBJECT,
    "purpose": "early-help",
    "reason": "Agreeing who leads before Thursday's meeting.",
    "case_ref": "CF-2291",
    "practitioner": {
        "id": "u-17",
        "role": "key-worker",
        "org_unit": "north-team",
        "call_back": "01632 960117",
        "second_factor": True,
    },
}
EXAMPLE_LOOKUP: JsonObject = {**_EXAMPLE_ASKING, "wait_s": 5}
EXAMPLE_ELIGIBILITY: JsonObject = {**_EXAMPLE_ASKING, "question": "in_payment", "benefit": "housing-support"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    id: str
    summary: str
    answers: dict[str, str]
    view: str
    body: str | None = None
    example: JsonObject | None = None
    parameters: tuple[JsonObject, ...] = ()


_RETRY_AFTER: JsonObject = {
    "description": "Seconds to wait, where coming back will help.",
    "schema": {"type": "integer", "minimum": 0},
}
_PROBLEMS: JsonObject = {
    status: {
        "description": description,
        "headers": {"Retry-After": _RETRY_AFTER},
        "content": {problem.CONTENT_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    for status, description in (
        ("4XX", "A problem document: what is wrong with the request and what to do about it."),
        ("5XX", "A problem document: the node cannot take this now, and when to ask again."),
    )
}
_IDEMPOTENCY_KEY: JsonObject = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A fresh UUID for a new request, the same one when you repeat it.",
    "schema": {"type": "string", "pattern": '^"?[A-Za-z0-9._~-]{8,128}"?$'},
}
_LOOKUP_ID: JsonObject = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As the answer that started the lookup has it, in its body and in Location.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"},
}
_START = _Operation(
    id="startLookup",
    summary="Ask who else is working with a person; the node picks whom to ask, agreement, clause and law.",
    body="LookupBody",
    example=EXAMPLE_LOOKUP,
    view="LookupView",
    answers={"201": "Every service that was asked has its line.", "202": "Still running after wait_s; come back."},
    parameters=(_IDEMPOTENCY_KEY,),
)
_GET = _Operation(
    id="getLookup",
    summary="Read a lookup that this client started.",
    view="LookupView",
    answers={"200": "The lookup as it stands."},
    parameters=(_LOOKUP_ID,),
)
_ASK = _Operation(
    id="askEligibility",
    summary="Put one benefit question; the answer is yes, no or unknown, and a date.",
    body="EligibilityBody",
    example=EXAMPLE_ELIGIBILITY,
    view="EligibilityView",
    answers={"200": "A line from each service that was asked."},
)


_OPTIONS = _Operation(
    id="listOptions",
    summary="List the purposes, roles, services and benefits that this token may ask with and about.",
    view="OptionsView",
    answers={"200": "What may be asked today."},
)


def document(base_url: str) -> JsonObject:
    """Return the description of the case API at ``base_url``."""
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
        "paths": {
            LOOKUPS_PATH: {"post": _operation(_START)},
            LOOKUP_PATH: {"get": _operation(_GET)},
            ELIGIBILITY_PATH: {"post": _operation(_ASK)},
            OPTIONS_PATH: {"get": _operation(_OPTIONS)},
            OPENAPI_PATH: {"get": _this_document()},
        },
        "components": {"schemas": _schemas(), "securitySchemes": _security(base_url)},
    }


def _operation(operation: _Operation) -> JsonObject:
    written: JsonObject = {
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": {
            **{status: _answer(status, text, operation.view) for status, text in operation.answers.items()},
            **_PROBLEMS,
        },
    }
    if operation.parameters:
        written["parameters"] = list(operation.parameters)
    if operation.body:
        schema = {"$ref": _REFERENCE.format(model=operation.body)}
        content: JsonObject = {"application/json": {"schema": schema, "example": operation.example}}
        written["requestBody"] = {"required": True, "content": content}
    return written


def _answer(status: str, description: str, view: str) -> JsonObject:
    answer: JsonObject = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(model=view)}}},
    }
    headers: JsonObject = {}
    if status in {"201", "202"}:
        headers["Location"] = {"description": "Where to read it.", "schema": {"type": "string"}}
    if view == "LookupView" and status != "201":
        headers["Retry-After"] = _RETRY_AFTER
    if headers:
        answer["headers"] = headers
    return answer


def _this_document() -> JsonObject:
    return {
        "operationId": "getDescription",
        "summary": "Read this description.",
        "security": [],
        "responses": {
            "200": {"description": "This document.", "content": {"application/json": {"schema": {}}}},
            **_PROBLEMS,
        },
    }


def _schemas() -> JsonObject:
    _, requests = models_json_schema(
        [(LookupBody, "validation"), (EligibilityBody, "validation")], ref_template=_REFERENCE
    )
    schemas: dict[str, Any] = dict(requests["$defs"])
    schemas = {name: _never_null(each) for name, each in schemas.items()}
    for body in (LookupBody, EligibilityBody):
        schemas[body.__name__]["properties"]["subject"] = {"$ref": _REFERENCE.format(model="Subject")}
    views: tuple[tuple[TypeAdapter[Any], str], ...] = (
        (LOOKUP_VIEW, "LookupView"),
        (ELIGIBILITY_VIEW, "EligibilityView"),
        (OPTIONS_VIEW, "OptionsView"),
    )
    for adapter, name in views:
        schema = adapter.json_schema(ref_template=_REFERENCE, mode="validation")
        schemas.update({name: _never_null(each) for name, each in schema.pop("$defs", {}).items()})
        schemas[name] = _never_null(schema)
    schemas.pop("JsonValue")  # what a subject is to the model, which leaves it to a reader of its own
    schemas["Subject"] = SUBJECT_SCHEMA
    schemas["Problem"] = _PROBLEM
    return {name: _tidy(schema) for name, schema in sorted(schemas.items())}


def _never_null(schema: JsonObject) -> JsonObject:
    """Say of a member without a value that it is left out; generators of clients make ``Any`` of what may be null."""
    for member in schema.get("properties", {}).values():
        present = [each for each in member.get("anyOf", ()) if each != {"type": "null"}]
        if len(present) == 1:
            del member["anyOf"]
            member.update(present[0])
        member.pop("default", None)  # some generators then demand the member
    return schema


def _tidy(schema: JsonObject) -> JsonObject:
    """Drop the titles that only repeat a member's name, and write code marks as Markdown does."""
    for member in schema.get("properties", {}).values():
        member.pop("title", None)
    if "description" in schema:
        schema["description"] = schema["description"].replace("``", "`")
    return schema


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
    },
}
