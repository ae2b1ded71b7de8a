"""SOAP 1.2 with WS-Addressing for the services of the invented police force: one request in, one response out.

:func:`serve` opens the envelope, checks the request against its schema and the response too, and returns a fault for
each refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from flask import Response, request
from lxml import etree

from gateway.demo.case_systems import database

ENV: Final = "{http://www.w3.org/2003/05/soap-envelope}"
WSA: Final = "{http://www.w3.org/2005/08/addressing}"
FAULT_ACTION: Final = "http://www.w3.org/2005/08/addressing/fault"
MEDIA_TYPE: Final = "application/soap+xml"
_STATUS: Final = {"Sender": 400, "Receiver": 500, "VersionMismatch": 500, "MustUnderstand": 500}


class SoapFault(Exception):
    """A refusal, returned as a SOAP fault; ``code`` is the local name of its SOAP 1.2 code."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapOperation:
    """One operation: the name of its request element, its action's prefix, and what answers it.

    The response's element and action end in ``Response`` where the request's end in ``Request``.
    """

    namespace: str
    request_action: str
    element: str
    answer: Callable[[etree._Element], etree._Element]

    @property
    def response_action(self) -> str:
        """The action of the response."""
        return self.request_action.removesuffix("Request") + "Response"


def serve(
    path: Path, schema: etree.XMLSchema, operations: tuple[SoapOperation, ...], *, break_schema: bool
) -> Response:
    """Answer the current request with one of ``operations``; ``path`` has the accounts."""
    message_id = None
    try:
        if not _is_authorised(path):
            return Response("", status=401, headers={"WWW-Authenticate": 'Basic realm="records", charset="UTF-8"'})
        message_id, action, body = _open_envelope(request.get_data())
        operation = _operation(operations, action)
        answer = operation.answer(_read_request(body, operation, schema))
        if not schema.validate(answer):
            raise SoapFault("Receiver", "The answer could not be built.")
    except SoapFault as fault:
        return _respond(FAULT_ACTION, message_id, _fault_element(fault), status=_STATUS[fault.code])
    if break_schema:
        etree.SubElement(answer, "surprise").text = "an element that the schema does not know"
    return _respond(operation.response_action, message_id, answer, status=200)


def load_schema(path: Path) -> etree.XMLSchema:
    """Load a schema of this service."""
    return etree.XMLSchema(etree.parse(str(path), _parser()))


def parse(text: str) -> etree._Element:
    """Return the root element of a document that this system stored."""
    return etree.fromstring(text, _parser())


def add(parent: etree._Element, name: str, text: str | None) -> None:
    """Add an element with a text, unless there is none."""
    if text is not None:
        etree.SubElement(parent, name).text = text


def _operation(operations: tuple[SoapOperation, ...], action: str) -> SoapOperation:
    for operation in operations:
        if operation.request_action == action:
            return operation
    raise SoapFault("Sender", "This service has no operation of that action.")


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)


def _is_authorised(path: Path) -> bool:
    credentials = request.authorization
    if credentials is None or credentials.type != "basic" or not (credentials.username and credentials.password):
        return False
    with database.open_read_only(path) as connection:
        row = connection.execute(
            "SELECT password_sha256 FROM account WHERE user = ?", (credentials.username,)
        ).fetchone()
    return database.secret_matches(credentials.password, row["password_sha256"] if row else None)


def _open_envelope(raw: bytes) -> tuple[str, str, etree._Element]:
    """Return the message's id, action and body. Raises SoapFault."""
    if request.mimetype != MEDIA_TYPE:
        raise SoapFault("Sender", "Send application/soap+xml.")
    try:
        root = etree.fromstring(raw, _parser())
    except etree.XMLSyntaxError:
        raise SoapFault("Sender", "The request is not well-formed XML.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise SoapFault("Sender", "SOAP messages have no document type declaration.")
    if root.tag != f"{ENV}Envelope":
        raise SoapFault("VersionMismatch", "This service speaks SOAP 1.2.")
    header, body = root.find(f"{ENV}Header"), root.find(f"{ENV}Body")
    message_id = header.findtext(f"{WSA}MessageID") if header is not None else None
    action = header.findtext(f"{WSA}Action") if header is not None else None
    if not action or not message_id:
        raise SoapFault("Sender", "WS-Addressing headers Action and MessageID are required.")
    if request.mimetype_params.get("action") != action or body is None:
        raise SoapFault("Sender", "The action of the content type differs from wsa:Action, or there is no body.")
    return message_id, action, body


def _read_request(body: etree._Element, operation: SoapOperation, schema: etree.XMLSchema) -> etree._Element:
    """Return the one valid request in the body. Raises SoapFault."""
    if len(body) != 1 or body[0].tag != f"{{{operation.namespace}}}{operation.element}":
        raise SoapFault("Sender", f"The body must hold one {operation.element}.")
    question = etree.fromstring(etree.tostring(body[0]), _parser())
    if not schema.validate(question):
        raise SoapFault("Sender", "The request fails its schema.")
    return question


def _fault_element(fault: SoapFault) -> etree._Element:
    element = etree.Element(f"{ENV}Fault", nsmap={"soap": ENV[1:-1]})
    add(etree.SubElement(element, f"{ENV}Code"), f"{ENV}Value", f"soap:{fault.code}")
    reason = etree.SubElement(element, f"{ENV}Reason")
    text = etree.SubElement(reason, f"{ENV}Text")
    text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    text.text = fault.reason
    return element


def _respond(action: str, message_id: str | None, content: etree._Element, *, status: int) -> Response:
    envelope = etree.Element(f"{ENV}Envelope", nsmap={"soap": ENV[1:-1], "wsa": WSA[1:-1]})
    header = etree.SubElement(envelope, f"{ENV}Header")
    add(header, f"{WSA}Action", action)
    add(header, f"{WSA}MessageID", f"urn:uuid:{uuid4()}")
    add(header, f"{WSA}RelatesTo", message_id)
    etree.SubElement(envelope, f"{ENV}Body").append(content)
    return Response(
        etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"),
        status=status,
        content_type=f'{MEDIA_TYPE}; charset=utf-8; action="{action}"',
    )
