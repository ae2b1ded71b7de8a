"""Receiver of the adapter ``police-soap``: messages into the force's record system, by SOAP.

Both sides validate both documents against ``config/schemas/police-messages.xsd``. A refusal is an answer of the schema;
a SOAP fault is none and may be retried.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from lxml import etree

from adapters.contract import (
    AdapterError,
    CheckLine,
    Deadline,
    DeliveredMessage,
    MessageRejected,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.receivers.message import UNUSED_ID, check_subset, in_batches, message_to_json
from adapters.receivers.message_xml import add_fields
from adapters.sources.soap_xml import Operation, SoapService
from adapters.sources.xml import Schema, load_schema, validate

NAMESPACE: Final = "http://records.police.example/messages/PartnerMessages"
SCHEMA: Final = Path(__file__).parents[2] / "config" / "schemas" / "police-messages.xsd"
BATCH: Final = 500
"""Message ids in one request, by the schema."""


@dataclass(frozen=True, kw_only=True)
class PoliceMessages:
    """The :class:`~adapters.contract.Receiver` of a force; ``connect`` reads the credentials at first use."""

    connect: Callable[[], SoapService]

    can_prove: Final = True

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        """Store the message and return its record number."""
        request = _element("StoreMessageRequest")
        fields = message_to_json(delivery)
        linked = {"linked_record" if name == "linked_ref" else name: value for name, value in fields.items()}
        add_fields(request, linked)
        if validate(request, self._schema):
            raise MessageRejected("The police service's schema does not allow this message.")
        answer = self._ask("StoreMessage", request, deadline)
        refusal = answer.findtext("refusal")
        if refusal is not None:
            raise MessageRejected(f"The police service refused the message: {refusal}.")
        return answer.findtext("record_number", "")

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        """Return the ids that the record system has."""
        ids: frozenset[str] = frozenset()
        for batch in in_batches(message_ids, BATCH):
            request = _element("HeldMessagesRequest")
            for message_id in batch:
                etree.SubElement(request, "message_id").text = message_id
            answer = self._ask("HeldMessages", request, deadline)
            ids |= check_subset([element.text or "" for element in answer.iterfind("message_id")], batch)
        return ids

    def check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Ask for a message that no one sent, which stores nothing."""
        try:
            self.holds([UNUSED_ID], deadline=deadline)
        except AdapterError as error:
            remedy = "Check messages_url, user and password_file, and that the service is up."
            return (CheckLine(name="police messages", ok=False, detail=error.detail, remedy=remedy),)
        return (CheckLine(name="police messages", ok=True, detail="It lists the messages that it holds."),)

    def _ask(self, name: str, request: etree._Element, deadline: Deadline) -> etree._Element:
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The police service did not answer in time.")
        prefix = f"{NAMESPACE.rpartition('/')[0]}/{name}"
        operation = Operation(request_action=f"{prefix}Request", answer_action=f"{prefix}Response")
        answer = self.connect().call(operation, request, deadline=deadline)
        faults = validate(answer, self._schema)
        if answer.tag != f"{{{NAMESPACE}}}{name}Response" or faults:
            reasons = "; ".join(map(str, faults[:5])) or "it is another document"
            raise SourceNonsense(f"The police service's answer fails its schema: {reasons}.")
        return answer

    @cached_property
    def _schema(self) -> Schema:
        return load_schema(SCHEMA)


def _element(name: str) -> etree._Element:
    return etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={"msg": NAMESPACE})
