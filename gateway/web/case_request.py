"""Request shapes of the case API, and the reading of a body.

1. All faults of a body are reported at once, each with its field's path. The sentences are ours: some of pydantic's own
   messages repeat the value.
2. The body is parsed twice: first strictly (no duplicate fields, no NaN, bounded depth), then against its shape.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from gateway.web import problem
from gateway.web.problem import Problem
from trust import strict_json
from trust.claims import IGNORABLE, UNPRINTABLE, strip_ignorable
from trust.errors import MalformedInput, TrustError, shown_member
from trust.exchange.consent import EVIDENCE, ConsentForm, ConsentRecord, ConsentRole
from trust.exchange.details import REFERENCE
from trust.exchange.errors import Fault, MalformedSubject
from trust.exchange.person import MAX_POSTCODE, Description, check_birth_date, parse_description
from trust.identifiers import MAX_ENTITY_ID, TELEPHONE, ServiceRef, parse_code, parse_service_ref, parse_slug

MAX_BODY = 32_768
"""Bytes in a case API request."""
DEFAULT_WAIT_S = 10.0
MAX_WAIT_S = 30.0
MAX_HOLDERS = 64
ID_PATTERN = "^[A-Za-z0-9_-]{22}$"
"""An id that this node gave out, such as that of a lookup."""
CODE_PATTERN = "^[a-z0-9]+([.-][a-z0-9]+)*$"
SLUG_PATTERN = "^[a-z0-9]+(-[a-z0-9]+)*$"
"""What :func:`parse_code` and :func:`parse_slug` take, for readers of the description; a test holds them together."""


def _one_line(text: str) -> str:
    if UNPRINTABLE.search(text) or IGNORABLE.search(text) or not text.strip():
        raise ValueError("one_line")
    return text.strip()


def _words(text: str) -> str:
    return _one_line(text if UNPRINTABLE.search(text) else strip_ignorable(text))


def _code(text: str) -> str:
    try:
        return parse_code(text)
    except TrustError:
        raise ValueError("code") from None


def _slug(text: str) -> str:
    try:
        return parse_slug(text)
    except TrustError:
        raise ValueError("slug") from None


def _service(text: str) -> str:
    try:
        return str(parse_service_ref(text))
    except TrustError:
        raise ValueError("service") from None


Service = Annotated[str, Field(min_length=1, max_length=MAX_ENTITY_ID + 65), AfterValidator(_service)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
LongLine = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_words)]
Code = Annotated[
    str, Field(min_length=1, max_length=64, json_schema_extra={"pattern": CODE_PATTERN}), AfterValidator(_code)
]
Slug = Annotated[
    str, Field(min_length=1, max_length=64, json_schema_extra={"pattern": SLUG_PATTERN}), AfterValidator(_slug)
]
Phone = Annotated[str, Field(pattern=f"^{TELEPHONE.pattern}$")]

_TEXT = {"type": "string", "minLength": 1, "maxLength": 100}
_NAMES = {"family_name": _TEXT, "given_names": _TEXT | {"description": "All given names in order, space-separated."}}
SUBJECT_SCHEMA: strict_json.JsonObject = {
    "type": "object",
    "title": "Subject",
    "description": (
        "The person asked about. Enough to go on is one identifier; or the family name and birth date with the given "
        "names or the address. Each service is sent only what its agreement's clause lists of it."
    ),
    "additionalProperties": False,
    "properties": {
        "nhs_number": {"type": "string", "description": "Ten digits, the last a check digit; spaces are ignored."},
        "nhs_number_verified": {"type": "boolean", "description": "Traced against the national service."},
        "upn": {"type": "string", "description": "Unique pupil number."},
        "nino": {"type": "string", "description": "National Insurance number."},
        "pnc_id": {"type": "string", "description": "Police National Computer id."},
        **_NAMES,
        "birth_date": {"type": "string", "format": "date"},
        "gender": {"type": "string", "enum": ["female", "male", "other", "unknown"]},
        "address": {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                "uprn": {"type": "string", "pattern": "^[0-9]{1,12}$"},
                "postcode": {
                    "type": "string",
                    "maxLength": MAX_POSTCODE,
                    "description": "Left out, and listed in left_out, where it is not a home's in the United Kingdom.",
                },
            },
        },
        "address_restricted": {"type": "boolean", "description": "The address must not be passed on."},
        "aliases": {
            "type": "array",
            "maxItems": 20,
            "items": {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": _NAMES},
        },
    },
}
"""What :func:`trust.exchange.person.parse_description` reads; a test holds the two together."""


class Body(BaseModel):
    """A request body: unknown members are faults, and nothing is converted from another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class PractitionerBody(Body):
    """The person who asks, as your agency knows them.

    With a token of the case system itself, ``id``, ``role``, ``org_unit`` and ``second_factor`` are required. With a
    token that was exchanged for a practitioner's own sign-in, they are known; what is stated all the same must agree,
    and ``role`` or ``org_unit`` is required where the practitioner has several.
    """

    id: Line | None = Field(default=None, description="Your own name for them. It never leaves the node.")
    role: Code | None = None
    org_unit: Line | None = None
    call_back: Phone | None = Field(default=None, description="The team's number, to ring back.")
    second_factor: bool | None = Field(
        default=None, description="That they signed in with a second factor. A question without it is refused."
    )


class ConsentBody(Body):
    """The person's consent, sent to a service only where the agreement's clause rests on consent.

    Either ``id``, of a consent that was recorded at this node, and nothing else; or the record itself: roles, given_on,
    form and evidence.
    """

    id: Annotated[str, Field(pattern=ID_PATTERN)] | None = None
    roles: list[ConsentRole] | None = Field(
        default=None,
        min_length=1,
        max_length=len(ConsentRole),
        description="What the consent is in law. Consent to work with a service (engagement) is not consent to share.",
    )
    given_on: date | None = None
    form: ConsentForm | None = None
    evidence: Annotated[str, Field(pattern=f"^{EVIDENCE.pattern}$")] | None = Field(
        default=None,
        description="Where it is filed: a reference of yours without spaces, names or numbers of the person.",
    )
    expires_on: date | None = Field(default=None, description="Its last day, where it has one.")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "ConsentBody":
        record = (self.roles, self.given_on, self.form, self.evidence)
        if self.id is not None and (self.expires_on is not None or any(each is not None for each in record)):
            raise ValueError("consent_id_alone")
        if self.id is None and any(each is None for each in record):
            raise ValueError("consent_record")
        return self

    def record(self) -> ConsentRecord | None:
        """Return the record as messages carry it, or ``None`` where ``id`` names it."""
        if self.roles is None or self.given_on is None or self.form is None or self.evidence is None:
            return None
        return ConsentRecord(
            roles=frozenset(self.roles),
            given_on=self.given_on,
            form=self.form,
            evidence=self.evidence,
            expires_on=self.expires_on,
        )


class QuestionBody(Body):
    """The fields that a question of every kind has."""

    subject: Annotated[dict[str, JsonValue], WithJsonSchema(SUBJECT_SCHEMA)]
    purpose: Code = Field(description="A purpose that an agreement names, such as early-help.")
    reason: LongLine = Field(description="Why this is needed, in the practitioner's words. It stays at your node.")
    case_ref: Line = Field(description="Your own reference for the case. It stays at your node.")
    practitioner: PractitionerBody | None = Field(
        default=None, description="Who asks. May be left out with a token that was exchanged for a sign-in."
    )
    from_service: Slug | None = Field(
        default=None, description="Which service asks; may be left out by a client registered for exactly one."
    )
    holders: list[Service] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_HOLDERS,
        description="The services to ask, such as https://housing.example#tenancies; all of them if left out.",
    )
    consent: ConsentBody | None = None

    def services(self) -> frozenset[ServiceRef] | None:
        """Return the services to ask, or none for all that may be asked."""
        return None if self.holders is None else frozenset(map(parse_service_ref, self.holders))


AnyModel = TypeVar("AnyModel", bound=Body)
AnyBody = TypeVar("AnyBody", bound=QuestionBody)


def read(model: type[AnyBody], raw: bytes, *, today: date) -> tuple[AnyBody, Description]:
    """Return the body, and the person in it with what was left out. Raises :class:`Problem` with every fault."""
    document, body, faults = read_model(model, raw)
    described, about_subject = describe_subject(document.get("subject"), today=today)
    faults.extend(about_subject)
    if body is None or described is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    return body, described


def read_model(model: type[AnyModel], raw: bytes) -> tuple[strict_json.JsonObject, AnyModel | None, list[Fault]]:
    """Return the document, the body if it has no fault of shape, and those faults. Raises :class:`Problem`."""
    try:
        document = strict_json.loads(raw, max_bytes=MAX_BODY)
    except MalformedInput as error:
        raise Problem(problem.NOT_JSON, error.detail) from error
    try:
        return document, model.model_validate_json(raw), []
    except ValidationError as error:
        return document, None, list(_faults(error))


def describe_subject(unverified: object, *, today: date) -> tuple[Description | None, tuple[Fault, ...]]:
    """Return the person that an object describes, or the faults; neither where it is no object."""
    if not isinstance(unverified, dict):
        return None, ()
    try:
        described = parse_description(unverified, this_year=today.year)
        check_birth_date(described.subject, today=today)
    except MalformedSubject as error:
        return None, error.faults
    return described, ()


_PATTERNS = {
    ID_PATTERN: "must be an id that this node gave out",
    f"^{REFERENCE.pattern}$": "must be a reference of 1 to 64 letters, digits and . _ ~ / -, without spaces",
    f"^{TELEPHONE.pattern}$": "must be a telephone number: digits and spaces, perhaps a leading +",
    f"^{EVIDENCE.pattern}$": "must be a reference of 1 to 128 letters, digits and . _ ~ / -, without spaces",
}
_INSTANT = "must be a time with its zone, such as 2026-11-30T14:05:00Z"
_SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not a member of this object; remove it",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "greater_than_equal": f"must be a number of seconds from 0 to {MAX_WAIT_S:g}",
    "less_than_equal": f"must be a number of seconds from 0 to {MAX_WAIT_S:g}",
    "list_type": "must be a list",
    "too_short": "must have at least 1 item",
    "date_type": "must be a date written YYYY-MM-DD",
    "date_from_datetime_parsing": "must be a date written YYYY-MM-DD",
    "date_from_datetime_inexact": "must be a date written YYYY-MM-DD",
    "date_parsing": "must be a date written YYYY-MM-DD",
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "datetime_object_invalid": _INSTANT,
    "timezone_aware": _INSTANT,
}
_SENTENCES_OF_OURS = {
    "one_line": "must be one line of printable characters",
    "consent_id_alone": "must have id and nothing else, or no id",
    "consent_record": "must have an id; or roles, given_on, form and evidence",
    "code": "must be a code: lower-case words joined by hyphens or dots",
    "service": "must be a service in full: its agency's identifier, '#' and its short name",
    "slug": "must be a service's short name: lower-case words joined by hyphens",
}


def _faults(invalid: ValidationError) -> Iterator[Fault]:
    for error in invalid.errors(include_url=False, include_input=False):
        yield Fault(path=_path(error["loc"]), problem=_sentence(error["type"], error.get("ctx", {})))


def _sentence(kind: str, context: dict[str, Any]) -> str:
    if kind in {"string_too_short", "string_too_long"}:
        return "must have at least 1 character" if "short" in kind else f"may have {context['max_length']} characters"
    if kind == "value_error":
        return _SENTENCES_OF_OURS[str(context["error"])]
    if kind == "enum":
        return "must be one of: " + str(context["expected"]).replace("'", "").replace(" or ", ", ")
    if kind == "string_pattern_mismatch":
        return _PATTERNS[str(context["pattern"])]
    if kind == "too_long":
        return f"may have {context['max_length']} items"
    return _SENTENCES.get(kind, "is not what the API's description says")


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            name = shown_member(step)
            path += f".{name}" if path else name
    return path or "(the whole body)"
