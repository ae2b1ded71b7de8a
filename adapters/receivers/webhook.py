"""Adapter ``webhook``: a REST service that takes each message as JSON and returns its own key for it.

1. A request carries the message id in ``Idempotency-Key``; the service returns the same key for a repeated id.
2. Only an answer with a key counts as stored. 400, 413 and 422 in JSON are a refusal for good; an error page of a proxy
   is none. Every other status may be retried.
3. ``holds`` posts ids in batches to a second URL, whose answer lists those that the service has.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.contract import (
    Adapter,
    AdapterContext,
    AdapterError,
    CheckLine,
    Deadline,
    DeliveredMessage,
    HttpCaller,
    HttpResponse,
    MessageRejected,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.receivers.message import UNUSED_ID, check_subset, in_batches, message_to_json, read_ref
from adapters.receivers.webhook_auth import Authenticate, bearer, signature
from adapters.sources.paths import JsonPath, Selector

MAX_ANSWER_BYTES: Final = 1024 * 1024
BATCH: Final = 500
_URL: Final = r"^https://[^\s?#@]+$"
_CONFLICT: Final = 409
_REFUSALS: Final = frozenset({400, 413, 422})
_CREDENTIALS: Final = frozenset({401, 403})
_RETRIED: Final = frozenset({408, 425, 429})
_SERVER_ERRORS: Final = 500


class WebhookReceiverSettings(BaseModel):
    """``[services.receiver.settings]`` of type ``webhook``.

    One of ``bearer_file`` and ``signature_file`` names the credential, relative to the configuration file. ``ref_path``
    and ``held_path`` are the paths of the key and of the list of ids in the service's answers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    url: str = Field(pattern=_URL, max_length=500)
    bearer_file: Path | None = None
    signature_file: Path | None = None
    ref_path: Selector = JsonPath(("ref",))
    holds_url: str | None = Field(default=None, pattern=_URL, max_length=500)
    held_path: Selector = JsonPath(("held",))

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.bearer_file is None) == (self.signature_file is None):
            raise ValueError("give either bearer_file or signature_file")
        return self


class Webhook:
    """A :class:`~adapters.contract.Receiver` of a service that takes messages over HTTPS."""

    def __init__(self, settings: WebhookReceiverSettings, authenticate: Authenticate, http: HttpCaller) -> None:
        self._settings = settings
        self._authenticate = authenticate
        self._http = http

    @property
    def can_prove(self) -> bool:
        """Whether the service lists the messages that it holds."""
        return self._settings.holds_url is not None

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        """Post the message and return the service's key."""
        answer = self._post(self._settings.url, delivery.message_id, message_to_json(delivery), deadline)
        if answer.status in _REFUSALS and _is_json(answer):
            raise MessageRejected(f"The case system refused the message with HTTP status {answer.status}.")
        if not _is_success(answer.status) and answer.status != _CONFLICT:
            raise _failure(answer)
        content = _content(answer)
        ref = read_ref(self._settings.ref_path.first(content, content))
        if ref is None:
            raise SourceNonsense(
                f"The case system answered {answer.status} without its key for the message: a repeated message must "
                "get the key of the first."
            )
        return ref

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        """Return the ids that the service lists."""
        url = self._settings.holds_url
        if url is None:
            raise SourceUnavailable("The case system has no list of messages, so arrival cannot be proved.")
        ids: frozenset[str] = frozenset()
        for batch in in_batches(message_ids, BATCH):
            answer = self._post(url, f"holds-{uuid4()}", {"message_ids": batch}, deadline)
            if not _is_success(answer.status):
                raise _failure(answer)
            ids |= check_subset(self._listed(answer), batch)
        return ids

    def check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Ask for a message that no one sent, which stores nothing."""
        remedy = "Check url, holds_url, the credential and [case_systems], and that the service is up."
        try:
            if not self.can_prove:
                self._authenticate(UNUSED_ID, b"")
                detail = "The credential is readable. Nothing else can be tried without sending a message."
                return (CheckLine(name="webhook", ok=True, detail=detail, remedy=remedy, warning=True),)
            self.holds([UNUSED_ID], deadline=deadline)
        except AdapterError as error:
            return (CheckLine(name="webhook", ok=False, detail=error.detail, remedy=remedy),)
        return (CheckLine(name="webhook", ok=True, detail="It lists the messages that it holds."),)

    def _post(self, url: str, request_id: str, content: Mapping[str, Any], deadline: Deadline) -> HttpResponse:
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The case system did not answer in time.")
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Idempotency-Key": f'"{request_id}"',
            **self._authenticate(request_id, body),
        }
        return self._http.post(url, headers=headers, body=body, max_bytes=MAX_ANSWER_BYTES, deadline=deadline)

    def _listed(self, answer: HttpResponse) -> list[str]:
        content = _content(answer)
        ids = self._settings.held_path.first(content, content)
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise SourceNonsense("The case system's answer has no list of message ids at held_path.")
        return ids


def _content(answer: HttpResponse) -> object:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise SourceNonsense(f"The case system answered {answer.status} without JSON.") from None


def _is_success(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - RFC 9110, section 15.3


def _is_json(answer: HttpResponse) -> bool:
    types = [value for name, value in answer.headers.items() if name.lower() == "content-type"]
    media_type = types[0].partition(";")[0].strip().lower() if types else ""
    return media_type == "application/json" or media_type.endswith("+json")


def _failure(answer: HttpResponse) -> AdapterError:
    """Return the error of a status that is no success; the body is never repeated."""
    status = answer.status
    if status in _CREDENTIALS:
        return SourceUnavailable("The case system refused our credentials: check the file in the settings.")
    if status in _RETRIED or status >= _SERVER_ERRORS:
        return SourceUnavailable(f"The case system answered with HTTP status {status}.")
    return SourceNonsense(f"The case system answered with HTTP status {status}, which the settings do not fit.")


class WebhookFactory:
    """The adapter type ``webhook``, which only receives."""

    settings_model = WebhookReceiverSettings

    def build(self, settings: WebhookReceiverSettings, context: AdapterContext) -> Adapter:
        """Build the receiver without opening anything."""
        base_dir = Path(context.base_dir)
        if settings.signature_file is not None:
            authenticate = signature(base_dir / settings.signature_file)
        else:
            authenticate = bearer(base_dir / (settings.bearer_file or ""))
        receiver = Webhook(settings, authenticate, context.http)
        return Adapter(name="webhook", receiver=receiver, checks=(receiver.check,))


FACTORY: Final = WebhookFactory()
