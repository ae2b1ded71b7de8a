"""Catalogue of the problem documents (RFC 9457) that the APIs answer with.

A problem says what is wrong in one sentence and what to do in another. It never repeats what the caller sent: wrong
fields are named by their path, values are not shown. ``type`` and ``code`` are stable;
``docs/problems.md`` is made from this catalogue.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from flask import Response

from gateway.callers import CaseRefused
from trust import strict_json
from trust.errors import (
    ExchangeRefused,
    MalformedInput,
    Misaddressed,
    Mismatch,
    TooLarge,
    TrustError,
    Untimely,
    Untrusted,
    Unverified,
)
from trust.exchange.errors import Fault, MalformedDocument, SubjectTooVague

CONTENT_TYPE = "application/problem+json"
_TYPE_BASE = "https://hearthgate.example/problems/"
_INSTANCE_BASE = "https://hearthgate.example/requests/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemType:
    """One kind of error. ``remedy`` says what the caller can do; ``title`` is the same for every occurrence."""

    code: str
    status: HTTPStatus
    title: str
    remedy: str

    @property
    def uri(self) -> str:
        """The stable identifier; an identifier only, nothing answers there."""
        return _TYPE_BASE + self.code


_types: list[ProblemType] = []


def _type(code: str, status: HTTPStatus, title: str, remedy: str) -> ProblemType:
    problem_type = ProblemType(code=code, status=status, title=title, remedy=remedy)
    _types.append(problem_type)
    return problem_type


BAD_REQUEST = _type(
    "bad-request",
    HTTPStatus.BAD_REQUEST,
    "The request is not well-formed HTTP.",
    "Send it again with an ordinary HTTP client library.",
)
PATH_NOT_CANONICAL = _type(
    "path-not-canonical",
    HTTPStatus.BAD_REQUEST,
    "The path is not in its plain form.",
    "Write the path without percent-encoding, dot segments, doubled or trailing slashes.",
)
NOT_JSON = _type(
    "not-json",
    HTTPStatus.BAD_REQUEST,
    "The body is not one strict JSON object.",
    "Send UTF-8 JSON without duplicate fields, NaN, or deep nesting.",
)
INVALID_FIELDS = _type(
    "invalid-fields",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "Some fields of the body are missing, unknown or wrong.",
    "Correct every field named in faults, and send the request again.",
)
SUBJECT_TOO_VAGUE = _type(
    "subject-too-vague",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The description fits too many people.",
    "Add an identifier, or the birth date with the family name and given names or address.",
)
IDEMPOTENCY_KEY_REQUIRED = _type(
    "idempotency-key-required",
    HTTPStatus.BAD_REQUEST,
    "The request has no usable Idempotency-Key header.",
    "Send a fresh UUID as Idempotency-Key, and the same one when you repeat the request.",
)
IDEMPOTENCY_KEY_REUSED = _type(
    "idempotency-key-reused",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "Another request has this Idempotency-Key.",
    "Use a fresh key for a new request; repeat a request with exactly the same body.",
)
TOKEN_REQUIRED = _type(
    "token-required",
    HTTPStatus.UNAUTHORIZED,
    "The request has no access token.",
    "Ask the token endpoint for an access token and send it in the Authorization header.",
)
TOKEN_REFUSED = _type(
    "token-refused",
    HTTPStatus.UNAUTHORIZED,
    "The access token is not accepted.",
    "Ask the token endpoint for a fresh token, and send it as the WWW-Authenticate header says.",
)
PROOF_REFUSED = _type(
    "proof-refused",
    HTTPStatus.UNAUTHORIZED,
    "The DPoP proof is not accepted.",
    "Make a fresh proof for this method, address and token, and check the clocks of both machines.",
)
OUTSIDE_REGISTRATION = _type(
    "outside-registration",
    HTTPStatus.FORBIDDEN,
    "The client is not registered to speak for this service, role or unit.",
    "Use a position of the registration, or have the node's administrator add this one to it.",
)
SECOND_FACTOR_REQUIRED = _type(
    "second-factor-required",
    HTTPStatus.FORBIDDEN,
    "The practitioner did not sign in with a second factor.",
    "Have the practitioner sign in with one, then set practitioner.second_factor. No service was asked.",
)
STEP_UP_REQUIRED = _type(
    "step-up-required",
    HTTPStatus.UNAUTHORIZED,
    "The person has to sign in afresh, with a second factor.",
    "Have them sign in now (max_age=300), exchange that sign-in for a token, and ask with it. No service was asked.",
)
BREAK_GLASS_SUSPENDED = _type(
    "break-glass-suspended",
    HTTPStatus.FORBIDDEN,
    "This person's break-glass is suspended until an earlier use is reviewed.",
    "Ask without break_glass, or have the reviewer named in the detail review it. In immediate danger, ring 999.",
)
NOT_PERMITTED = _type(
    "not-permitted",
    HTTPStatus.FORBIDDEN,
    "No agreement in force permits this.",
    "Read the detail. The node's administrator can say which agreement is missing.",
)
OVER_BUDGET = _type(
    "over-budget",
    HTTPStatus.TOO_MANY_REQUESTS,
    "The query budget is used up.",
    "Repeat the request after Retry-After seconds. In immediate danger, call 999.",
)
MESSAGES_LIMITED = _type(
    "messages-limited",
    HTTPStatus.TOO_MANY_REQUESTS,
    "More messages came lately than the node takes from one sender.",
    "Send the same again after Retry-After seconds; nothing was stored or lost. In immediate danger, call 999.",
)
CLAUSE_LIMITED = _type(
    "clause-limited",
    HTTPStatus.TOO_MANY_REQUESTS,
    "More messages came lately under one clause than the node takes from one sender.",
    "Send the same again after Retry-After seconds; nothing was stored or lost. Other clauses have room.",
)
NOT_FOUND = _type(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "Not found.",
    "Check the address. Records of another client and erased records are not found either.",
)
METHOD_NOT_ALLOWED = _type(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "This address does not accept that method.",
    "Use a method named in the Allow header.",
)
CONFLICT = _type(
    "message-id-reused",
    HTTPStatus.CONFLICT,
    "Another message has this message id.",
    "Give every message its own jti; repeat a message with exactly the same bytes.",
)
TOO_LARGE = _type(
    "too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The request is larger than this address accepts.",
    "Send a smaller request; no message of this profile needs that much.",
)
UNSUPPORTED_MEDIA_TYPE = _type(
    "unsupported-media-type",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "This address does not accept that content type.",
    "Send the content type that the documentation names for this address.",
)
MESSAGE_MALFORMED = _type(
    "message-malformed",
    HTTPStatus.BAD_REQUEST,
    "The message is not a signed message of this profile.",
    "Compare the message with the exchange profile, sections 3 and 4.",
)
MESSAGE_NOT_VERIFIED = _type(
    "message-not-verified",
    HTTPStatus.BAD_REQUEST,
    "The message's signature, key, type or algorithm is not accepted.",
    "Sign with the message key that your chain publishes, and send the signed bytes unchanged.",
)
MESSAGE_UNTIMELY = _type(
    "message-untimely",
    HTTPStatus.BAD_REQUEST,
    "The message has expired, or is dated in the future.",
    "Check the clocks of both machines, and send a fresh message.",
)
MESSAGE_MISADDRESSED = _type(
    "message-misaddressed",
    HTTPStatus.BAD_REQUEST,
    "The message is not from this caller to this node, or lies outside its token.",
    "Send each message from the node that signed it, to its audience, with a token for its agreement.",
)
SENDER_NOT_TRUSTED = _type(
    "sender-not-trusted",
    HTTPStatus.FORBIDDEN,
    "No trusted anchor vouches for the sender.",
    "Check the sender's enrolment and state at its trust anchor.",
)
TOO_MANY_AT_ONCE = _type(
    "too-many-at-once",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Too many concurrent requests from this sender.",
    "Repeat the request with a fresh proof after Retry-After seconds. Nothing was done.",
)
ENROLMENT_REFUSED = _type(
    "enrolment-refused",
    HTTPStatus.CONFLICT,
    "The enrolment request is refused.",
    "Read the detail. The authority's administrators can dismiss a request that waits under the same name.",
)
ENROLMENT_QUEUE_FULL = _type(
    "enrolment-queue-full",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The authority's queue of enrolment requests is full; nothing was stored.",
    "Write the request to a file with `hearthgate trust join --out FILE`, and send that to its administrators.",
)
BUSY = _type(
    "busy",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The node is busy; nothing was done.",
    "Repeat the same request after Retry-After seconds.",
)
OUTCOME_UNKNOWN = _type(
    "outcome-unknown",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The node's database could not confirm in time that the request is stored on every machine that it should be.",
    "Repeat the same request after Retry-After seconds, under the same id or Idempotency-Key: it takes effect once.",
)
CLOCK_WRONG = _type(
    "clock-wrong",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The node's clock is wrong, so it answers no request; nothing was done.",
    "Repeat the same request later. `hearthgate doctor` tells the node's administrator what to do.",
)
NOT_RECONCILED = _type(
    "not-reconciled",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The node was restored from a backup and is still catching up; nothing was done.",
    "Repeat the same request after Retry-After seconds.",
)
INTERNAL = _type(
    "internal",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The node has an internal error.",
    "Repeat the request later. If the error stays, give the X-Request-Id to the node's administrator.",
)

CATALOGUE: tuple[ProblemType, ...] = tuple(_types)

_BY_STATUS = {
    HTTPStatus.NOT_FOUND: NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: UNSUPPORTED_MEDIA_TYPE,
}
# The first class that fits decides, so narrower classes stand first.
_BY_ERROR: tuple[tuple[type[TrustError], ProblemType], ...] = (
    (TooLarge, TOO_LARGE),
    (SubjectTooVague, SUBJECT_TOO_VAGUE),
    (MalformedInput, MESSAGE_MALFORMED),
    (Unverified, MESSAGE_NOT_VERIFIED),
    (Untimely, MESSAGE_UNTIMELY),
    (Misaddressed, MESSAGE_MISADDRESSED),
    (Mismatch, MESSAGE_MISADDRESSED),
    (Untrusted, SENDER_NOT_TRUSTED),
    (ExchangeRefused, NOT_PERMITTED),
)


class Problem(Exception):
    """Stop a request with one of the catalogue's problems.

    ``detail`` and ``remedy`` say more about this occurrence, without any value that the caller sent.
    """

    def __init__(
        self,
        kind: ProblemType,
        detail: str | None = None,
        *,
        remedy: str | None = None,
        faults: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
        routes: Iterable[strict_json.JsonObject] = (),
    ) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.detail = detail
        self.remedy = remedy or kind.remedy
        self.faults = tuple(faults)
        self.headers = dict(headers or {})
        self.routes = tuple(routes)


def from_case_refusal(kind: ProblemType, refusal: CaseRefused, headers: Mapping[str, str]) -> Problem:
    """Return what a capability refused a case system, as a problem of a kind."""
    return Problem(
        kind,
        refusal.detail,
        remedy=refusal.remedy,
        faults=refusal.faults,
        headers=headers,
        routes=refusal.routes,
    )


def to_bytes(problem: Problem, *, request_id: str) -> bytes:
    """Write a problem as the bytes of its document."""
    return strict_json.dumps(to_json(problem, request_id=request_id))


def to_json(problem: Problem, *, request_id: str) -> strict_json.JsonObject:
    """Return a problem as its document; ``instance`` is this occurrence of it, by the request's id."""
    kind = problem.kind
    document: strict_json.JsonObject = {
        "type": kind.uri,
        "title": kind.title,
        "status": int(kind.status),
        "code": kind.code,
        "remedy": problem.remedy,
        "instance": _INSTANCE_BASE + request_id,
    }
    if problem.detail:
        document["detail"] = problem.detail
    if problem.faults:
        document["faults"] = [{"member": fault.path, "problem": fault.problem} for fault in problem.faults]
    if problem.routes:
        document["routes"] = list(problem.routes)
    return document


def render(problem: Problem, *, request_id: str) -> Response:
    """Write a problem as its HTTP answer."""
    response = Response(
        to_bytes(problem, request_id=request_id), status=int(problem.kind.status), content_type=CONTENT_TYPE
    )
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def from_status(status: int) -> ProblemType:
    """Return the problem for a status that the web framework chose."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BUSY if status == HTTPStatus.SERVICE_UNAVAILABLE else INTERNAL
    return _BY_STATUS.get(HTTPStatus(status), BAD_REQUEST)


def from_trust_error(refused: TrustError) -> Problem:
    """Return the problem for a refusal of the trust layer; its sentence names no person by its own promise."""
    kind = next((kind for error, kind in _BY_ERROR if isinstance(refused, error)), MESSAGE_MALFORMED)
    faults = refused.faults if isinstance(refused, MalformedDocument) else ()
    return Problem(kind, None if faults else refused.detail, faults=faults)


def as_markdown() -> str:
    """Write the catalogue as ``docs/problems.md``."""
    lines = [
        "# Problems",
        "",
        "Every error of the peer, case and operations APIs is an RFC 9457 problem document",
        "(`application/problem+json`) with `type`, `title`, `status`, `code`, `remedy` and `instance`, and where there",
        "is more to say `detail` and `faults`, a list of `{member, problem}`. `type` and `code` are stable. No problem",
        "repeats what the caller sent. The token endpoints answer errors as RFC 6749 section 5.2 writes them instead.",
        "",
        "This page is made from the catalogue in `gateway/web/problem.py`; a test compares the two.",
        "",
        f"`type` is `{_TYPE_BASE}` and the code; `instance` is `{_INSTANCE_BASE}` and the id of the",
        "request, which the header `X-Request-Id` and the node's log have too. Nothing answers at either.",
        "",
        "| code | status | what is wrong | what to do |",
        "| --- | --- | --- | --- |",
    ]
    lines.extend(f"| `{each.code}` | {int(each.status)} | {each.title} | {each.remedy} |" for each in CATALOGUE)
    return "\n".join(lines) + "\n"
