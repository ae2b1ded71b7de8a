"""The invented advocacy service's case system: a JSON API that takes messages by signed webhooks.

It replaces a vendor's service and shares no code with the receiver that calls it. Signatures follow the Standard
Webhooks specification 1.0.
"""

import base64
import hmac
import json
import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, request

from gateway.demo.case_systems import database

MAX_REQUEST_BYTES: Final = 512 * 1024
TOLERANCE_S: Final = 300
MOST_IDS: Final = 500
TABLES: Final = """
CREATE TABLE webhook (secret TEXT NOT NULL);
CREATE TABLE closed_topic (topic TEXT PRIMARY KEY);
CREATE TABLE referral (number INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    topic TEXT NOT NULL, urgency TEXT NOT NULL, sender TEXT NOT NULL, reference TEXT NOT NULL, document TEXT NOT NULL);
"""
_TEXTS: Final = ("message_id", "kind", "topic", "urgency", "from_agency", "reference")


def create(path: Path, *, secret: str, closed_topics: Iterable[str] = ()) -> None:
    """Write the case system's database; it refuses messages of ``closed_topics``."""
    topics = [(topic,) for topic in closed_topics]
    database.create(path, schema=TABLES, rows={"webhook": [(secret,)], "closed_topic": topics})


def create_app(path: Path, *, break_schema: bool = False) -> Flask:
    """Return the service's application over the database at ``path``.

    ``break_schema`` gives every response other fields than were agreed: a fault for tests.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES

    @app.post("/messages")
    def store() -> Response:
        """Store one message, or return the record that it has already."""
        if not _is_signed(path):
            return _respond({"error": "signature"}, status=401)
        message = _read()
        if message is None:
            return _respond({"error": "form"}, status=400)
        number = _store(path, message)
        if number is None:
            return _respond({"error": "topic"}, status=422)
        return _respond({"number": number} if break_schema else {"ref": f"ADV-{number:06}"}, status=201)

    @app.post("/messages/held")
    def list_held() -> Response:
        """Return those of the listed message ids that are in the case system."""
        if not _is_signed(path):
            return _respond({"error": "signature"}, status=401)
        ids = (_body() or {}).get("message_ids")
        if not isinstance(ids, list) or len(ids) > MOST_IDS or not all(isinstance(each, str) for each in ids):
            return _respond({"error": "form"}, status=400)
        marks = ", ".join("?" * len(ids))
        with database.open_read_only(path) as connection:
            rows = connection.execute(f"SELECT message_id FROM referral WHERE message_id IN ({marks})", ids)  # noqa: S608 - marks
            listed = [row["message_id"] for row in rows]
        return _respond({"held": len(listed)} if break_schema else {"held": listed}, status=200)

    return app


def _is_signed(path: Path) -> bool:
    """Return whether the request has a signature of the agreed secret, of the last five minutes."""
    with database.open_read_only(path) as connection:
        row = connection.execute("SELECT secret FROM webhook").fetchone()
    key = base64.b64decode(row["secret"].removeprefix("whsec_") if row else "")
    moment, message_id = request.headers.get("webhook-timestamp", ""), request.headers.get("webhook-id", "")
    if not moment.isdecimal() or abs(time.time() - int(moment)) > TOLERANCE_S:
        return False
    digest = hmac.new(key, f"{message_id}.{moment}.".encode() + request.get_data(), sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode("ascii")
    signatures = request.headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected.encode(), each.encode()) for each in signatures)


def _body() -> dict[str, Any] | None:
    try:
        body = json.loads(request.get_data())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _read() -> dict[str, Any] | None:
    body = _body()
    if body is None or not isinstance(body.get("document"), dict):
        return None
    return body if all(isinstance(body.get(name), str) and body[name] for name in _TEXTS) else None


def _store(path: Path, message: dict[str, Any]) -> int | None:
    """Store a message once and return its number; ``None`` if its topic is closed."""
    with database.open_for_writing(path) as connection:
        if connection.execute("SELECT 1 FROM closed_topic WHERE topic = ?", (message["topic"],)).fetchone():
            return None
        values = (*(message[name] for name in _TEXTS), json.dumps(message["document"]))
        connection.execute(
            "INSERT INTO referral (message_id, kind, topic, urgency, sender, reference, document)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
            values,
        )
        query = "SELECT number FROM referral WHERE message_id = ?"
        row = connection.execute(query, (message["message_id"],)).fetchone()
    return int(row["number"]) if row else None


def _respond(content: dict[str, Any], *, status: int) -> Response:
    return Response(json.dumps(content), status=status, content_type="application/json")
