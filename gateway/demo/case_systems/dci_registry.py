"""The invented benefit registry: the DCI social-protection API, Integrated Beneficiary Registry 1.0.0.

It checks every request and response by the reduced schema in ``config/schemas``; tests check both by the published
one. It replaces a vendor's service and shares no code with the adapter that calls it.
"""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final
from uuid import uuid4

from flask import Flask, Response, request
from jsonschema import Draft202012Validator

from gateway.demo.case_systems import database
from gateway.demo.case_systems.records import AwardRecord

SCHEMA_FILE: Final = Path(__file__).parents[3] / "config" / "schemas" / "dci-ibr-reduced.json"
REGISTRY_ID: Final = "benefits.example"
MAX_REQUEST_BYTES: Final = 64 * 1024
TOKEN_LIFE_S: Final = 900
PAID: Final = "paid"

TABLES: Final = """
CREATE TABLE client (client_id TEXT PRIMARY KEY, secret_sha256 TEXT NOT NULL);
CREATE TABLE beneficiary (claimant_ref TEXT PRIMARY KEY, nino TEXT UNIQUE, surname TEXT NOT NULL COLLATE NOCASE,
    given_names TEXT NOT NULL, birth_date TEXT NOT NULL, sex TEXT NOT NULL, postcode TEXT);
CREATE INDEX beneficiary_name ON beneficiary (surname, birth_date);
CREATE TABLE award (claimant_ref TEXT NOT NULL REFERENCES beneficiary, programme TEXT NOT NULL, enrolled TEXT NOT NULL,
    suspended TEXT, ended TEXT);
CREATE INDEX award_person ON award (claimant_ref);
CREATE TABLE payment (claimant_ref TEXT NOT NULL REFERENCES beneficiary, programme TEXT NOT NULL,
    credited TEXT NOT NULL);
CREATE INDEX payment_person ON payment (claimant_ref);
"""
_SEX: Final = {"female": "female", "male": "male", "other": "other"}
_COLUMNS: Final = {"CRN": "claimant_ref", "NINO": "nino", "surname": "surname", "birth_date": "birth_date"}
_IDENTIFIERS: Final = ("CRN", "NINO")

JsonObject = dict[str, Any]


class RegistryError(Exception):
    """A refusal before any search; it becomes an HTTP error with the published body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class UnsupportedCriteria(Exception):
    """Search criteria of the standard that this registry does not support."""


class RegistryTokens:
    """The access tokens that this process issued."""

    def __init__(self) -> None:
        self._expiry: dict[str, float] = {}
        self._lock = Lock()

    def issue(self) -> str:
        """Return a new bearer token."""
        token = secrets.token_urlsafe(24)
        now = time.monotonic()
        with self._lock:
            self._expiry = {other: until for other, until in self._expiry.items() if until > now}
            self._expiry[token] = now + TOKEN_LIFE_S
        return token

    def is_valid(self, token: str | None) -> bool:
        """Return whether the token was issued here and has not expired."""
        with self._lock:
            return self._expiry.get(token or "", 0.0) > time.monotonic()


def create(path: Path, awards: Iterable[AwardRecord], *, clients: Mapping[str, str]) -> None:
    """Write the registry's database; ``clients`` maps client ids to their secrets."""
    awards = list(awards)
    people = {award.claimant_ref: award.resident for award in awards}
    database.create(
        path,
        schema=TABLES,
        rows={
            "client": [(client_id, database.secret_digest(secret)) for client_id, secret in clients.items()],
            "beneficiary": [
                (ref, who.nino, who.family_name, who.given_names, who.birth_date.isoformat(),
                 _SEX.get(who.gender, ""), who.postcode)
                for ref, who in people.items()
            ],
            "award": [
                (award.claimant_ref, award.programme, award.enrolled.isoformat(),
                 award.suspended and award.suspended.isoformat(), award.ended and award.ended.isoformat())
                for award in awards
            ],
            "payment": [
                (award.claimant_ref, award.programme, day.isoformat()) for award in awards for day in award.paid_on
            ],
        },
    )  # fmt: skip


def create_app(path: Path, *, break_schema: bool = False) -> Flask:
    """Return the registry's application over the database at ``path``.

    ``break_schema`` alters every response after its check, so that it fails the schema: a fault for tests.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    tokens = RegistryTokens()
    registry = Registry(path)

    @app.post("/oauth2/client/token")
    def token() -> Response:
        """Issue an access token to a registered client (RFC 6749 section 4.4)."""
        return _json(registry.token(request.form.to_dict(), tokens))

    @app.post("/registry/sync/search")
    def search() -> Response:
        """Answer each search of one message."""
        answer = registry.search(_authorised_body(tokens))
        return _json(_spoil(answer, "search_response") if break_schema else answer)

    @app.post("/registry/sync/enrolled")
    def enrolled() -> Response:
        """Answer whether one person is a beneficiary."""
        answer = registry.enrolled(_authorised_body(tokens))
        return _json(_spoil(answer, "enrolled_response") if break_schema else answer)

    @app.errorhandler(RegistryError)
    def error_response(error: RegistryError) -> Response:
        """Return the error body of the standard's HTTP layer."""
        return _json({"errors": [{"code": error.code, "message": error.message}]}, status=error.status)

    return app


class Registry:
    """The registry's operations, which check each request and response by the schema."""

    def __init__(self, path: Path) -> None:
        self._path = path
        document = json.loads(SCHEMA_FILE.read_text("utf-8"))
        self._validators = {
            name: Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": document["$defs"]})
            for name in document["$defs"]
        }

    def token(self, form: Mapping[str, str], tokens: RegistryTokens) -> JsonObject:
        """Answer a client-credentials request."""
        self._validate_request("TokenRequest", form)
        with database.open_read_only(self._path) as connection:
            row = connection.execute(
                "SELECT secret_sha256 FROM client WHERE client_id = ?", (form["client_id"],)
            ).fetchone()
        if not database.secret_matches(form["client_secret"], row["secret_sha256"] if row else None):
            raise RegistryError(401, "err.request.unauthorized", "Unknown client or wrong secret.")
        answer = {"access_token": tokens.issue(), "token_type": "bearer", "expires_in": str(TOKEN_LIFE_S)}
        return self._validate_response("TokenAnswer", answer)

    def search(self, body: JsonObject) -> JsonObject:
        """Answer ``/registry/sync/search``."""
        self._validate_request("SearchRequest", body)
        message = body["message"]
        with database.open_read_only(self._path) as connection:
            items = [_search_item(connection, item) for item in message["search_request"]]
        return self._validate_response(
            "SearchAnswer",
            {
                "header": _answer_header(body["header"], count=len(items)),
                "message": {
                    "transaction_id": message["transaction_id"],
                    "correlation_id": str(uuid4()),
                    "search_response": items,
                },
            },
        )

    def enrolled(self, body: JsonObject) -> JsonObject:
        """Answer ``/registry/sync/enrolled``: a person with an award that has not ended is a beneficiary."""
        self._validate_request("EnrolledRequest", body)
        message = body["message"]
        query = message["enrolled_criteria"]["query"]
        programme = query.get("programme_identifier.program.programme_identifier", {}).get("eq")
        today = datetime.now(UTC).date().isoformat()
        with database.open_read_only(self._path) as connection:
            row = connection.execute(
                "SELECT 1 FROM award WHERE claimant_ref = :ref AND (:programme IS NULL OR programme = :programme)"
                " AND enrolled <= :today AND (ended IS NULL OR ended > :today)",
                {"ref": query["person_identifier"]["eq"], "programme": programme, "today": today},
            ).fetchone()
        item = {
            "reference_id": message["transaction_id"],
            "timestamp": _now(),
            "status": "succ",
            "enrolled_status": "yes" if row else "no",
        }
        return self._validate_response(
            "EnrolledAnswer",
            {
                "header": _answer_header(body["header"], count=1),
                "message": {
                    "transaction_id": message["transaction_id"],
                    "correlation_id": str(uuid4()),
                    "enrolled_response": [item],
                },
            },
        )

    def _validate_request(self, name: str, document: object) -> None:
        if not self._validators[name].is_valid(document):
            raise RegistryError(400, "err.request.bad", "The request fails the published schema.")

    def _validate_response(self, name: str, document: JsonObject) -> JsonObject:
        if not self._validators[name].is_valid(document):
            raise RegistryError(500, "err.service.unavailable", "The answer could not be built.")
        return document


def _authorised_body(tokens: RegistryTokens) -> JsonObject:
    credentials = request.authorization
    if credentials is None or credentials.type != "bearer" or not tokens.is_valid(credentials.token):
        raise RegistryError(401, "err.request.unauthorized", "The access token is missing, unknown or expired.")
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise RegistryError(400, "err.request.bad", "Send a JSON object.")
    return body


def _search_item(connection: database.Connection, item: JsonObject) -> JsonObject:
    answer: JsonObject = {"reference_id": item["reference_id"], "timestamp": _now()}
    criteria = item["search_criteria"]
    try:
        where, values = _condition(criteria)
    except UnsupportedCriteria:
        return {**answer, "status": "rjct", "status_reason_code": "rjct.search_criteria.invalid"}
    pagination = criteria.get("pagination", {"page_size": 10})
    size, number = pagination["page_size"], pagination.get("page_number", 1)
    query = f"SELECT * FROM beneficiary WHERE {where} ORDER BY claimant_ref"  # noqa: S608 - our own column names
    rows = list(connection.execute(query, values))
    page = rows[(number - 1) * size : number * size]
    return {
        **answer,
        "status": "succ",
        "data": {"version": "1.0.0", "reg_records": [_record(connection, row) for row in page]},
        "pagination": {"page_size": size, "page_number": number, "total_count": len(rows)},
    }


def _condition(criteria: JsonObject) -> tuple[str, list[str]]:
    """Return the condition on the beneficiary table. Raises UnsupportedCriteria."""
    query = criteria["query"]
    if criteria["query_type"] == "idtype-value":
        if query["type"] not in _IDENTIFIERS:
            raise UnsupportedCriteria
        return f"{_COLUMNS[query['type']]} = ?", [query["value"]]
    predicate = query[0]
    expressions = [predicate["expression1"]]
    if "expression2" in predicate:
        expressions.append(predicate["expression2"])
    names = [expression["attribute_name"] for expression in expressions]
    if predicate.get("condition", "and") != "and" or any(item["operator"] != "eq" for item in expressions):
        raise UnsupportedCriteria
    if not set(names) <= set(_COLUMNS):
        raise UnsupportedCriteria
    return " AND ".join(f"{_COLUMNS[name]} = ?" for name in names), [item["attribute_value"] for item in expressions]


def _record(connection: database.Connection, row: database.Row) -> JsonObject:
    """Return one beneficiary in the form of the published samples' ``Person``."""
    ref = row["claimant_ref"]
    identifiers = [{"identifier_type": name, "identifier_value": row[_COLUMNS[name]]} for name in _IDENTIFIERS]
    return {
        "@type": "Person",
        "identifier": [identifier for identifier in identifiers if identifier["identifier_value"]],
        "name": {"surname": row["surname"], "given_name": row["given_names"]},
        "sex": row["sex"],
        "birth_date": _midnight(row["birth_date"]),
        "address": [{"postal_code": row["postcode"]}] if row["postcode"] else [],
        "programme": [
            _programme(award) for award in connection.execute("SELECT * FROM award WHERE claimant_ref = ?", (ref,))
        ],
        "payroll": [
            {
                "programme_identifier": payment["programme"],
                "payment_credit_date": _midnight(payment["credited"]),
                "payment_status": PAID,
            }
            for payment in connection.execute("SELECT * FROM payment WHERE claimant_ref = ?", (ref,))
        ],
    }


def _programme(award: database.Row) -> JsonObject:
    programme = {
        "programme_identifier": award["programme"],
        "enrolment_date": _midnight(award["enrolled"]),
        "enrolment_status": "Suspended" if award["suspended"] else "Active",
    }
    if award["suspended"]:
        programme["suspension_date"] = _midnight(award["suspended"])
    if award["ended"]:
        programme["graduation_date"] = _midnight(award["ended"])
    return programme


def _answer_header(request_header: JsonObject, *, count: int) -> JsonObject:
    return {
        "version": "1.0.0",
        "message_id": str(uuid4()),
        "message_ts": _now(),
        "action": "on-search",
        "status": "succ",
        "total_count": count,
        "completed_count": count,
        "sender_id": REGISTRY_ID,
        "receiver_id": request_header["sender_id"],
        "is_msg_encrypted": False,
    }


def _spoil(answer: JsonObject, name: str) -> JsonObject:
    for item in answer["message"][name]:
        item["status"] = "perhaps"
    return answer


def _midnight(iso: str) -> str:
    return f"{iso}T00:00:00"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _json(document: JsonObject, *, status: int = 200) -> Response:
    return Response(json.dumps(document), status=status, content_type="application/json")
