"""Operations of the case API, and what its OpenAPI 3.1 description says of each.

Requests are described from the pydantic models, responses from the dataclasses that are returned; nothing is described
that is not read or written by those very types.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from flask import Response
from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from gateway.web import bodies, problem
from gateway.web.case_request import SUBJECT_SCHEMA, Body
from gateway.web.persons_request import PERSON_SCHEMA, STATEMENT_SCHEMA, ReportBody
from trust.exchange.persons import MAX_PERSONS
from trust.exchange.statements import MAX_STATEMENTS
from trust.strict_json import JsonObject

REFERENCE = "#/components/schemas/{model}"
EXAMPLE_SUBJECT: JsonObject = {"nhs_number": "969 129 2211", "family_name": "Reed", "birth_date": "2004-03-09"}
EXAMPLE_QUESTION: JsonObject = {
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
EXAMPLE_REPORT: JsonObject = {
    "reason": "Witnessed on a visit; the child was in the room.",
    "case_ref": "CF-2291",
    "practitioner": {**EXAMPLE_QUESTION["practitioner"], "name": "Nia Harding"},
    "persons": [
        {
            "ref": "p1",
            "part": "victim",
            "subject": EXAMPLE_SUBJECT,
            "views": {"sought": True},
            "told": {"told": False, "why": "unsafe"},
            "safe_contact": {"method": "telephone", "times": "weekdays 10 to 12"},
        },
    ],
}
"""The members that every alert, referral and notice has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOperation:
    """One operation of the case API; ``path`` and ``method`` are those of its route.

    ``responses`` are its successes by status. A ``polled`` operation tells by ``Retry-After`` when to come back.
    """

    path: str
    method: str
    id: str
    summary: str
    responses: dict[str, str]
    view: Any
    body: type[Body] | None = None
    example: JsonObject | None = None
    parameters: tuple[JsonObject, ...] = ()
    polled: bool = False

    def respond(self, view: object, status: int = 200) -> Response:
        """Return a response with the view, without the fields that it leaves out."""
        document = _adapter(self.view).dump_json(view, exclude_none=True)
        return Response(document, status=status, content_type=bodies.JSON)


_RETRY_AFTER: JsonObject = {
    "description": "Seconds to wait, where coming back will help.",
    "schema": {"type": "integer", "minimum": 0},
}
PROBLEMS: JsonObject = {
    status: {
        "description": description,
        "headers": {"Retry-After": _RETRY_AFTER},
        "content": {problem.CONTENT_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}}},
    }
    for status, description in (
        ("4XX", "A problem document: what is wrong with the request and what to do about it."),
        ("5XX", "A problem document: the node cannot take this now, and when to ask again."),
    )
}


_READ_APART: dict[str, JsonObject] = {
    "subject": {"$ref": REFERENCE.format(model="Subject")},
    "persons": {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_PERSONS,
        "items": {"$ref": REFERENCE.format(model="Person")},
    },
    "statements": {
        "type": "array",
        "maxItems": MAX_STATEMENTS,
        "items": {"$ref": REFERENCE.format(model="Statement")},
    },
}
"""Members that the models leave to readers of their own."""


@cache
def _adapter(view: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", view))


def describe(operation: ApiOperation) -> JsonObject:
    """Return the description of an operation."""
    description: JsonObject = {
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": {
            **{status: _response(status, text, operation) for status, text in operation.responses.items()},
            **PROBLEMS,
        },
    }
    if operation.parameters:
        description["parameters"] = list(operation.parameters)
    if operation.body:
        schema = {"$ref": REFERENCE.format(model=operation.body.__name__)}
        content: JsonObject = {"application/json": {"schema": schema, "example": operation.example}}
        description["requestBody"] = {"required": True, "content": content}
    return description


def schemas_of(operations: Iterable[ApiOperation]) -> JsonObject:
    """Return the schemas of every request and response of these operations. Do not change what is in them."""
    every = tuple(operations)
    requests = tuple(each.body for each in every if each.body is not None)
    return dict(_schemas(requests, tuple({each.view.__name__: each.view for each in every}.values())))


@cache
def _schemas(requests: tuple[type[Body], ...], views: tuple[Any, ...]) -> JsonObject:
    _, described = models_json_schema([(body, "validation") for body in requests], ref_template=REFERENCE)
    schemas: dict[str, Any] = {name: _never_null(each) for name, each in described["$defs"].items()}
    for body in requests:
        properties = schemas[body.__name__]["properties"]
        properties.update({name: schema for name, schema in _READ_APART.items() if name in properties})
    for view in views:
        schema = _adapter(view).json_schema(ref_template=REFERENCE, mode="validation")
        schemas.update({name: _never_null(each) for name, each in schema.pop("$defs", {}).items()})
        schemas[view.__name__] = _never_null(schema)
    schemas.pop("JsonValue", None)  # what a subject is to the model, which leaves it to a reader of its own
    schemas["Subject"] = SUBJECT_SCHEMA
    if any(issubclass(body, ReportBody) for body in requests):
        schemas |= {"Person": PERSON_SCHEMA, "Statement": STATEMENT_SCHEMA}
    return {name: _tidy(schema) for name, schema in schemas.items()}


def _response(status: str, description: str, operation: ApiOperation) -> JsonObject:
    response: JsonObject = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model=operation.view.__name__)}}},
    }
    headers: JsonObject = {}
    if status in {"201", "202"}:
        headers["Location"] = {"description": "Where to read it.", "schema": {"type": "string"}}
    if operation.polled and status != "201":
        headers["Retry-After"] = _RETRY_AFTER
    if headers:
        response["headers"] = headers
    return response


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
