"""Client of a SOAP 1.2 service with WS-Addressing 1.0, for one request at a time.

1. Requests are built as trees, and responses read by the project's one XML parser.
2. A fault is read first and without headers, since many services send faults without them.
3. A response must be well-formed SOAP 1.2, without an unknown header that must be understood, with the expected action,
   and relate to the message that was sent (WS-Addressing 1.0 Core, section 3.4).

Not checked here: the body against its schema, which the sector module does; and any XML signature (design decision 9).
"""

import base64
import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from adapters.contract import AdapterError, Deadline, HttpCaller, HttpResponse, SourceNonsense, SourceUnavailable
from adapters.sources.xml import XmlRefused, parse

SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
SOAP_1_1: Final = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
ANONYMOUS: Final = f"{ADDRESSING}/anonymous"
CONTENT_TYPE: Final = "application/soap+xml"
MAX_ANSWER_BYTES: Final = 1024 * 1024

_ENV: Final = f"{{{SOAP}}}"
_WSA: Final = f"{{{ADDRESSING}}}"
_HTTP_OK: Final = 200
_HTTP_REFUSED: Final = frozenset({401, 403})
_HTTP_WITH_FAULT: Final = frozenset({400, 500})
_OTHER_XML: Final = frozenset({"text/xml", "application/xml"})
"""Media types of a service without SOAP 1.2; only a fault in them is read."""
_OUR_ROLES: Final = frozenset({"", f"{SOAP}/role/next", f"{SOAP}/role/ultimateReceiver"})
"""The roles of this client (SOAP 1.2 part 1, section 2.2); without the attribute, the last of these."""
_SINGLE_HEADERS: Final = ("Action", "To", "From", "ReplyTo", "FaultTo", "MessageID")
"""Headers that WS-Addressing 1.0 SOAP Binding, section 3.2, allows once at most."""
_FAULTS: Final[Mapping[str, tuple[type[AdapterError], str]]] = {
    "Sender": (SourceNonsense, "The SOAP service refused our request as malformed: check its version and settings."),
    "Receiver": (SourceUnavailable, "The SOAP service reports an internal error: ask its operator."),
    "VersionMismatch": (SourceUnavailable, "The SOAP service does not speak SOAP 1.2: it must be set to that version."),
    "MustUnderstand": (SourceUnavailable, "The SOAP service does not understand WS-Addressing 1.0: enable it there."),
    "DataEncodingUnknown": (SourceUnavailable, "The SOAP service refused the encoding of our request."),
}
"""The meaning of each fault. Only ``Sender`` can depend on the subject."""
_FAULTS_1_1: Final[Mapping[str, str]] = {"Client": "Sender", "Server": "Receiver"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """The WS-Addressing headers of one message; ``sender`` is the address in ``wsa:From``."""

    action: str
    message_id: str | None = None
    to: str | None = None
    sender: str | None = None
    reply_to: str | None = None
    relates_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An opened message: its addressing, and the one element in its body (a SOAP fault included).

    The addressing of a fault is empty: it is not read.
    """

    addressing: Addressing
    body: etree._Element

    @property
    def fault_code(self) -> str | None:
        """Return the local name of the fault's code, or ``None`` if the body is no fault."""
        if self.body.tag != f"{_ENV}Fault":
            return None
        return _local_name(self.body.findtext(f"{_ENV}Code/{_ENV}Value") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a service: the actions of its request and of its answer."""

    request_action: str
    answer_action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapService:
    """A service at ``url``, which knows this node as ``sender``. ``authorization`` is the whole header value."""

    url: str
    sender: str
    http: HttpCaller
    authorization: str = field(repr=False)

    def call(self, operation: Operation, body: etree._Element, *, deadline: Deadline) -> etree._Element:
        """Send ``body`` and return the element in the response.

        Raises :class:`SourceUnavailable` and :class:`SourceNonsense`; neither repeats a value of either document.
        """
        request = Addressing(
            action=operation.request_action,
            message_id=f"urn:uuid:{uuid.uuid4()}",
            to=self.url,
            sender=self.sender,
            reply_to=ANONYMOUS,
        )
        answer = self.http.post(
            self.url,
            headers={
                "Content-Type": f'{CONTENT_TYPE}; charset=utf-8; action="{request.action}"',
                "Accept": CONTENT_TYPE,
                "Authorization": self.authorization,
            },
            body=build_envelope(request, body),
            max_bytes=MAX_ANSWER_BYTES,
            deadline=deadline,
        )
        _check_http(answer)
        envelope = open_envelope(answer.body, max_bytes=MAX_ANSWER_BYTES)
        _check_answer(envelope, request, operation, status=answer.status)
        return envelope.body


def basic_authorization(user: str, password: str) -> str:
    """Return the header value of HTTP Basic authentication (RFC 7617, in UTF-8)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def build_envelope(addressing: Addressing, body: etree._Element) -> bytes:
    """Return the SOAP 1.2 message with ``body`` in it, as UTF-8."""
    envelope = etree.Element(f"{_ENV}Envelope", nsmap={"soap": SOAP, "wsa": ADDRESSING})
    header = etree.SubElement(envelope, f"{_ENV}Header")
    _text(header, "Action", addressing.action)
    _text(header, "To", addressing.to)
    _address(header, "From", addressing.sender)
    _address(header, "ReplyTo", addressing.reply_to)
    _text(header, "MessageID", addressing.message_id)
    _text(header, "RelatesTo", addressing.relates_to)
    etree.SubElement(envelope, f"{_ENV}Body").append(body)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def open_envelope(raw: bytes, *, max_bytes: int) -> Envelope:
    """Parse a SOAP 1.2 message: a fault, or one with WS-Addressing headers.

    Raises :class:`SourceNonsense`, and for a SOAP 1.1 fault the error of its code.
    """
    root = parse(raw, max_bytes=max_bytes)
    if root.tag == f"{{{SOAP_1_1}}}Envelope":
        code = root.findtext(f"{{{SOAP_1_1}}}Body/{{{SOAP_1_1}}}Fault/faultcode")
        if code is not None:
            name = _local_name(code).partition(".")[0]  # SOAP 1.1, section 4.4.1: codes are extended after a dot
            raise _meaning(_FAULTS_1_1.get(name, name))
        raise SourceNonsense("The answer is a SOAP 1.1 message; this service must be set to SOAP 1.2.")
    parts = [child.tag for child in root]
    if root.tag != f"{_ENV}Envelope" or parts not in ([f"{_ENV}Header", f"{_ENV}Body"], [f"{_ENV}Body"]):
        raise SourceNonsense("The answer is not a SOAP 1.2 message: an envelope with at most one header and one body.")
    body = root[-1]
    if len(body) != 1:
        raise SourceNonsense("The body of the SOAP message does not hold exactly one element.")
    if body[0].tag == f"{_ENV}Fault":
        return Envelope(addressing=Addressing(action=""), body=body[0])
    return Envelope(addressing=_read_addressing(root[0] if len(root) > 1 else None), body=body[0])


def _read_addressing(header: etree._Element | None) -> Addressing:
    blocks = [] if header is None else list(header)
    for name in _SINGLE_HEADERS:
        if sum(block.tag == _WSA + name for block in blocks) > 1:
            raise SourceNonsense(f"The SOAP message has more than one WS-Addressing {name}.")
    for block in blocks:
        if not block.tag.startswith(_WSA) and _must_be_understood(block):
            raise SourceNonsense("The SOAP message has an unknown header that must be understood.")
    if header is None or not header.findtext(f"{_WSA}Action", "").strip():
        raise SourceNonsense("The SOAP message has no WS-Addressing Action.")
    return Addressing(
        action=header.findtext(f"{_WSA}Action", "").strip(),
        message_id=_read(header, "MessageID"),
        to=_read(header, "To"),
        sender=_read(header, f"From/{_WSA}Address"),
        reply_to=_read(header, f"ReplyTo/{_WSA}Address"),
        relates_to=_read_relation(blocks),
    )


def _must_be_understood(block: etree._Element) -> bool:
    """Return whether this client must understand a header; those for another role are ignored."""
    ours = block.get(f"{_ENV}role", "").strip() in _OUR_ROLES
    return ours and block.get(f"{_ENV}mustUnderstand", "").strip() in {"true", "1"}


def _read_relation(blocks: list[etree._Element]) -> str | None:
    """Return the message that this one replies to; other relations are allowed, a second reply is not."""
    reply = f"{ADDRESSING}/reply"
    relations = [
        (block.text or "").strip()
        for block in blocks
        if block.tag == f"{_WSA}RelatesTo" and block.get("RelationshipType", reply) == reply
    ]
    if len(relations) > 1:
        raise SourceNonsense("The SOAP message claims to reply to more than one message.")
    return relations[0] if relations else None


def _check_http(answer: HttpResponse) -> None:
    if answer.status in _HTTP_REFUSED:
        raise SourceUnavailable("The SOAP service refused our credentials: check the user and the password file.")
    if answer.status != _HTTP_OK and answer.status not in _HTTP_WITH_FAULT:
        raise SourceUnavailable(f"The SOAP service answered with HTTP status {answer.status}.")
    media_type = _media_type(answer.headers)
    if media_type != CONTENT_TYPE:
        if media_type in _OTHER_XML:
            _raise_fault(answer.body)
        if answer.status != _HTTP_OK:
            raise SourceUnavailable(f"The SOAP service answered with HTTP status {answer.status}.")
        raise SourceNonsense(f"The SOAP service did not answer with {CONTENT_TYPE}.")


def _raise_fault(raw: bytes) -> None:
    """Raise the error of a fault in another XML media type; ignore other content."""
    with suppress(XmlRefused):
        root = parse(raw, max_bytes=MAX_ANSWER_BYTES)
        if root.tag in {f"{_ENV}Envelope", f"{{{SOAP_1_1}}}Envelope"}:
            code = open_envelope(raw, max_bytes=MAX_ANSWER_BYTES).fault_code
            if code is not None:
                raise _meaning(code)


def _media_type(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() == "content-type":
            return re.split(r"[;\s]", value.strip(), maxsplit=1)[0].lower()
    return ""


def _check_answer(envelope: Envelope, request: Addressing, operation: Operation, *, status: int) -> None:
    if envelope.fault_code is not None:
        raise _meaning(envelope.fault_code)
    if status != _HTTP_OK:
        raise SourceNonsense(f"The SOAP service answered HTTP status {status} without a fault.")
    if envelope.addressing.relates_to != request.message_id:
        raise SourceNonsense("The SOAP answer relates to another message than the request.")
    if envelope.addressing.action != operation.answer_action:
        raise SourceNonsense("The SOAP answer has another action than the requested one.")


def _meaning(code: str) -> AdapterError:
    """Return the error of a fault code."""
    unknown = SourceNonsense, "The SOAP service answered with a fault that SOAP 1.2 does not know."
    blame, detail = _FAULTS.get(code, unknown)
    return blame(detail)


def _local_name(code: str) -> str:
    return code.strip().rpartition(":")[2]


def _text(header: etree._Element, name: str, text: str | None) -> None:
    if text is not None:
        etree.SubElement(header, _WSA + name).text = text


def _address(header: etree._Element, name: str, address: str | None) -> None:
    if address is not None:
        _text(etree.SubElement(header, _WSA + name), "Address", address)


def _read(header: etree._Element, path: str) -> str | None:
    text = header.findtext(_WSA + path)
    return text.strip() if text and text.strip() else None
