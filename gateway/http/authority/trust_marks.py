"""The endpoints of an authority that issues trust marks (OpenID Federation 1.0 sections 8.4 to 8.6).

A mark names an agency and states nothing that is not public in its federation, so any caller gets it. A request costs
no work but, once in half a mark's life, a signature.
"""

from datetime import datetime
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from gateway.authority.statements import MARK_PATH, MARKED_PATH, STATUS_PATH
from gateway.authority.trust_marks import TrustMarkIssuer
from gateway.http.federation.errors import (
    FederationError,
    FederationRefused,
    answer_refusal,
    entity_of,
    one,
)
from gateway.ports import Clock
from gateway.web.guards import open_to_all
from trust import strict_json
from trust.errors import MarkRefused
from trust.federation.trust_mark import MAX_TYPE, build_status_response
from trust.keys import KeyUse

STATUS_TYPE = "application/trust-mark-status-response+jwt"
MARK_TYPE = "application/trust-mark+jwt"
_FORM = "application/x-www-form-urlencoded"
_MAX_FORM = 32_768
_MAX_FIELDS = 8


def marks_blueprint(issuer: TrustMarkIssuer, *, clock: Clock) -> Blueprint:
    """Return the three endpoints."""
    blueprint = Blueprint("marks", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)
    public = open_to_all("federation endpoints: public by their standard, and signed")

    @blueprint.post(STATUS_PATH)
    @public
    def status() -> Response:
        return _status(issuer, one(_form(), "trust_mark"), clock.now())

    @blueprint.get(MARKED_PATH)
    @public
    def marked() -> Response:
        holders = issuer.holders(_type(), now=clock.now())
        if "sub" in request.args:
            holders &= {entity_of(one(request.args, "sub"), "sub")}
        return Response(strict_json.dumps(sorted(holders)), content_type="application/json")

    @blueprint.get(MARK_PATH)
    @public
    def mark() -> Response:
        mark_type, subject = _type(), entity_of(one(request.args, "sub"), "sub")
        try:
            current = issuer.current(mark_type, subject, now=clock.now())
        except MarkRefused as refused:
            raise _none() from refused
        if current is None:
            raise _none()
        return Response(current.raw, content_type=MARK_TYPE)

    return blueprint


def _status(issuer: TrustMarkIssuer, mark: str, now: datetime) -> Response:
    raw = mark.encode("ascii", "replace")
    status = issuer.status(raw, now=now) if mark.isascii() else None
    if status is None:
        raise FederationRefused(FederationError.NOT_FOUND, "That is no mark that was issued here.")
    signed = build_status_response(
        issuer=issuer.own, mark=raw, status=status, issued_at=now, signer=issuer.vault.signer(KeyUse.FEDERATION)
    )
    return Response(signed, content_type=STATUS_TYPE)


def _form() -> MultiDict[str, str]:
    """Read the parameters of the body; one in the address is refused where it is ours, and ignored where it is not."""
    if "trust_mark" in request.args:
        raise FederationRefused(FederationError.INVALID_REQUEST, "Send the parameters in the body.")
    if request.mimetype != _FORM:
        raise FederationRefused(FederationError.INVALID_REQUEST, f"Send {_FORM}.")
    request.max_content_length = _MAX_FORM
    try:
        text = request.get_data(cache=False).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS)
    except ValueError as malformed:
        raise FederationRefused(FederationError.INVALID_REQUEST, "The body is not a form.") from malformed
    return MultiDict(pairs)


def _type() -> str:
    mark_type = one(request.args, "trust_mark_type")
    if not 0 < len(mark_type) <= MAX_TYPE:
        raise FederationRefused(FederationError.INVALID_REQUEST, f"A trust_mark_type has 1 to {MAX_TYPE} characters.")
    return mark_type


def _none() -> FederationRefused:
    return FederationRefused(FederationError.NOT_FOUND, "That entity has no mark of that type from this authority.")
