"""Client of a DCI benefit registry (Integrated Beneficiary Registry API 1.0.0).

Choices where the published standard is open:

- **Query types.** In the published schema an ``idtype-value`` query is a type and a text. The query alternatives
  exclude each other, so that an ``expression`` with an object as value fits two of them and is never valid. An
  identifier is sent as ``idtype-value``, and surname with birth date as one ``predicate``. Both are in one message.
- **Authorisation** is OAuth 2.0 client credentials at ``/oauth2/client/token`` (Authorization API 1.0.0).
- **Signature.** The standard publishes the optional field ``signature`` only as an example of a header line. It defines
  neither the digest, nor a canonical form of JSON, nor the signed text, so that two parties cannot agree on them. The
  client sends and checks none: TLS and the token protect the call.
- **``/registry/sync/enrolled``** has no envelope of header and message in the schema. The prose demands one and the
  samples of its sister operations have one; the client expects it.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from adapters.contract import AdapterContext, Deadline, HttpResponse, SourceNonsense, SourceUnavailable
from adapters.sources.dci_answers import (
    JSON,
    UNREADABLE,
    AnswerHeader,
    EnrolledAnswer,
    RegistryRecord,
    SearchAnswer,
    SearchItem,
    check_http,
    parse_answer,
    read_record,
)
from adapters.sources.dci_token import TokenSource

MAX_ANSWER_BYTES: Final = 1024 * 1024
MAX_SEARCHES: Final = 5
"""The most searches in one message, by the standard."""
VERSION: Final = "1.0.0"
_HTTP_UNAUTHORIZED: Final = 401
_MODEL = TypeVar("_MODEL", SearchAnswer, EnrolledAnswer)
_Json = dict[str, Any]


class DciSettings(BaseModel):
    """Access to the registry: the paths of the standard follow ``base_url``.

    ``client_secret_file`` is relative to the configuration. ``record_identifier`` is the registry's own identifier
    type, for a second request about a record; ``nino_identifier`` is its type for National Insurance numbers.
    ``not_registered_codes`` are the registry's reason codes for an unknown person; a rejection in words needs none.
    ``address_restricted`` names the field of a person or an address that marks the address as restricted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(pattern=r"^https://[^\s?#]+[^\s?#/]$", max_length=500)
    sender_id: str = Field(min_length=1, max_length=99)
    receiver_id: str = Field(min_length=1, max_length=99)
    client_id: str = Field(min_length=1, max_length=99)
    client_secret_file: Path
    record_identifier: str = Field(default="CRN", min_length=1, max_length=40)
    nino_identifier: str = Field(default="NINO", min_length=1, max_length=40)
    not_registered_codes: tuple[str, ...] = ()
    address_restricted: str | None = Field(default=None, min_length=1, max_length=60)
    max_records: int = Field(default=10, ge=1, le=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByIdentifier:
    """Search by one identifier."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByNameAndBirth:
    """Search by surname and date of birth together."""

    surname: str
    birth_date: date


@dataclass(frozen=True, kw_only=True)
class DciRegistry:
    """A client of the registry; threads share one access token."""

    settings: DciSettings
    context: AdapterContext

    @cached_property
    def _tokens(self) -> TokenSource:
        return TokenSource(
            url=self.settings.base_url + "/oauth2/client/token",
            client_id=self.settings.client_id,
            secret_file=Path(self.context.base_dir) / self.settings.client_secret_file,
            http=self.context.http,
        )

    def search(
        self, searches: Sequence[ByIdentifier | ByNameAndBirth], *, deadline: Deadline
    ) -> tuple[RegistryRecord, ...]:
        """Return the records that match any search, each once, with as few messages as possible.

        Raises :class:`SourceNonsense` if one search finds more than ``max_records``: a partial list could lack the
        person or a namesake.
        """
        batches = [searches[start : start + MAX_SEARCHES] for start in range(0, len(searches), MAX_SEARCHES)]
        records = [record for batch in batches for record in self._search(batch, deadline=deadline)]
        return tuple({record.identifier(self.settings.record_identifier): record for record in records}.values())

    def _search(
        self, searches: Sequence[ByIdentifier | ByNameAndBirth], *, deadline: Deadline
    ) -> Iterator[RegistryRecord]:
        """Send one message, and yield the records of each search."""
        references = {str(uuid.uuid4()): search for search in searches}
        transaction = str(uuid.uuid4())
        message = {
            "transaction_id": transaction,
            "search_request": [
                _search_request(reference, search, page_size=self.settings.max_records + 1)
                for reference, search in references.items()
            ],
        }
        answer = self._ask("/registry/sync/search", message, SearchAnswer, count=len(references), deadline=deadline)
        if answer.message.transaction_id != transaction:
            raise SourceNonsense("The benefit registry answered another transaction than ours.")
        if sorted(item.reference_id for item in answer.message.search_response) != sorted(references):
            raise SourceNonsense("The benefit registry did not answer each of our searches once.")
        for item in answer.message.search_response:
            yield from self._records(item)

    def enrolled(self, ref: str, *, programme: str | None = None, deadline: Deadline) -> tuple[bool, date]:
        """Return whether the record ``ref`` is registered as a beneficiary, and the day of that answer.

        ``programme`` restricts the question to one programme, by the registry's code.
        """
        transaction = str(uuid.uuid4())
        query = {"person_identifier": {"eq": ref}}
        if programme is not None:
            query["programme_identifier.program.programme_identifier"] = {"eq": programme}
        message = {
            "transaction_id": transaction,
            "enrolled_criteria": {
                "query_type": "expression",
                "response_entity": "Member",
                "query": query,
            },
        }
        answer = self._ask("/registry/sync/enrolled", message, EnrolledAnswer, count=1, deadline=deadline)
        if answer.message.transaction_id != transaction:
            raise SourceNonsense("The benefit registry answered another transaction than ours.")
        item = answer.message.enrolled_response[0]
        if item.says_absent(self.settings.not_registered_codes):
            return False, item.timestamp
        _check_status(item.status, item.status_reason_code)
        if item.enrolled_status is None:
            raise SourceUnavailable("The benefit registry accepted the question but sent no result.")
        return item.enrolled_status == "yes", item.timestamp

    def _records(self, item: SearchItem) -> list[RegistryRecord]:
        """Return the records of one search. Raises :class:`SourceNonsense` if none of them can be read."""
        if item.says_absent(self.settings.not_registered_codes):
            return []
        _check_status(item.status, item.status_reason_code)
        if item.data is None and item.status == "succ":
            return []
        if item.data is None:
            raise SourceUnavailable("The benefit registry accepted the search but sent no result.")
        if len(item.data.reg_records) > self.settings.max_records:
            raise SourceNonsense(
                "The benefit registry has more matching records than one answer may hold, so none is certain."
            )
        records, fault = [], None
        for document in item.data.reg_records:
            try:
                records.append(self._record(document))
            except SourceNonsense as unreadable:
                fault = unreadable
        if fault is not None and not records:
            raise fault
        return records if fault is None else [*records, UNREADABLE]

    def _record(self, document: _Json) -> RegistryRecord:
        record = read_record(document, restriction=self.settings.address_restricted)
        if not record.identifier(self.settings.record_identifier):
            raise SourceNonsense("A record of the benefit registry lacks the identifier set as record_identifier.")
        return record

    def _ask(self, path: str, message: _Json, model: type[_MODEL], *, count: int, deadline: Deadline) -> _MODEL:
        header = {
            "version": VERSION,
            "message_id": str(uuid.uuid4()),
            "message_ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "action": "search",
            "sender_id": self.settings.sender_id,
            "receiver_id": self.settings.receiver_id,
            "total_count": count,
            "is_msg_encrypted": False,
        }
        body = json.dumps({"header": header, "message": message}).encode()
        answer = self._post(path, body, deadline=deadline)
        if answer.status == _HTTP_UNAUTHORIZED:  # the registry may have revoked the token: retry once
            self._tokens.forget()
            answer = self._post(path, body, deadline=deadline)
        check_http(answer)
        document = parse_answer(answer.body, model)
        if not document.header.says_absent(self.settings.not_registered_codes):
            _check_header(document.header)
        return document

    def _post(self, path: str, body: bytes, *, deadline: Deadline) -> HttpResponse:
        headers = {
            "Content-Type": JSON,
            "Accept": JSON,
            "Authorization": f"Bearer {self._tokens.token(deadline=deadline)}",
        }
        url = self.settings.base_url + path
        return self.context.http.post(url, headers=headers, body=body, max_bytes=MAX_ANSWER_BYTES, deadline=deadline)


def _search_request(reference: str, search: ByIdentifier | ByNameAndBirth, *, page_size: int) -> _Json:
    criteria: _Json = {"version": VERSION, "pagination": {"page_size": page_size, "page_number": 1}}
    match search:
        case ByIdentifier(kind=kind, value=value):
            criteria |= {"query_type": "idtype-value", "query": {"type": kind, "value": value}}
        case ByNameAndBirth(surname=surname, birth_date=birth_date):
            predicate = {
                "seq_num": 1,
                "expression1": _equals("surname", surname),
                "condition": "and",
                "expression2": _equals("birth_date", birth_date.isoformat()),
            }
            criteria |= {"query_type": "predicate", "query": [predicate]}
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"reference_id": reference, "timestamp": now, "search_criteria": criteria}


def _equals(attribute: str, value: str) -> _Json:
    return {"attribute_name": attribute, "operator": "eq", "attribute_value": value}


def _check_header(header: AnswerHeader) -> None:
    if header.status == "rjct":
        _check_status(header.status, header.status_reason_code)


_REASONS: Final = frozenset(
    {
        "rjct.version.invalid",
        "rjct.message_id.duplicate",
        "rjct.message_ts.invalid",
        "rjct.action.invalid",
        "rjct.action.not_supported",
        "rjct.total_count.invalid",
        "rjct.total_count.limit_exceeded",
        "rjct.errors.too_many",
        "rjct.reference_id.invalid",
        "rjct.reference_id.duplicate",
        "rjct.timestamp.invalid",
        "rjct.search_criteria.invalid",
        "rjct.filter.invalid",
        "rjct.sort.invalid",
        "rjct.pagination.invalid",
        "rjct.search.too_many_records_found",
    }
)
"""The reason codes of the standard; messages repeat no other text of a registry."""


def _check_status(status: str, reason: str | None) -> None:
    """Accept a finished answer; in the published samples one with a result may also be ``rcvd``."""
    if status == "rjct":
        known_reason = reason if reason in _REASONS else "without one of the standard's reasons"
        raise SourceUnavailable(f"The benefit registry rejected the question: {known_reason}.")
    if status == "pdng":
        raise SourceUnavailable("The benefit registry has not finished: its synchronous search must be set up.")
