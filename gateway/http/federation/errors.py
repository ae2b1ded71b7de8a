"""Errors of federation endpoints (OpenID Federation 1.0 section 8.9); none repeats the request.

Parameters that are not understood are ignored (section 8). Every filter that the standard defines for the list is
served, so nothing is `unsupported_parameter` here.
"""

from enum import StrEnum
from http import HTTPStatus

from flask import Response
from werkzeug.datastructures import MultiDict

from trust import strict_json
from trust.errors import TrustError
from trust.identifiers import EntityId, parse_entity_id


class FederationError(StrEnum):
    """The standard's codes that are used here."""

    INVALID_REQUEST = "invalid_request"
    INVALID_TRUST_ANCHOR = "invalid_trust_anchor"
    NOT_FOUND = "not_found"


_NOT_FOUND = {FederationError.NOT_FOUND, FederationError.INVALID_TRUST_ANCHOR}


class FederationRefused(Exception):
    """Stop a request with one of the codes; ``str()`` is its description."""

    def __init__(self, error: FederationError, description: str) -> None:
        super().__init__(description)
        self.error = error


def answer_refusal(refused: FederationRefused) -> Response:
    """Write the error's answer; an app or a blueprint registers it as the handler."""
    status = HTTPStatus.NOT_FOUND if refused.error in _NOT_FOUND else HTTPStatus.BAD_REQUEST
    body = strict_json.dumps({"error": refused.error.value, "error_description": str(refused)})
    return Response(body, status=status, content_type="application/json")


def one(parameters: MultiDict[str, str], name: str) -> str:
    """Return a parameter that must be there, once. Raises :class:`FederationRefused`."""
    values = parameters.getlist(name)
    if len(values) != 1:
        raise FederationRefused(FederationError.INVALID_REQUEST, f"Name exactly one {name}.")
    return values[0]


def entity_of(text: str, name: str) -> EntityId:
    """Return a parameter's value as an entity. Raises :class:`FederationRefused`."""
    try:
        return parse_entity_id(text)
    except TrustError as refused:
        raise FederationRefused(FederationError.INVALID_REQUEST, f"{name}: {refused.detail}") from refused


def flag(parameters: MultiDict[str, str], name: str) -> bool:
    """Return a boolean parameter, false where it is absent. Raises :class:`FederationRefused`."""
    if name not in parameters:
        return False
    value = one(parameters, name)
    if value not in {"true", "false"}:
        raise FederationRefused(FederationError.INVALID_REQUEST, f"{name} must be true or false.")
    return value == "true"
