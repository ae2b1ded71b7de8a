"""SOAP 1.2 with WS-Addressing: what is sent, what is accepted, and what each fault becomes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from lxml import etree

from adapters.contract import AdapterError, Deadline, HttpResponse, SourceNonsense, SourceUnavailable
from adapters.sources.soap_xml import (
    ADDRESSING,
    ANONYMOUS,
    SOAP,
    SOAP_1_1,
    Addressing,
    Operation,
    SoapService,
    basic_authorization,
    build_envelope,
    open_envelope,
)
from adapters.sources.xml import Schema, load_schema, parse, validate

OPERATION = Operation(request_action="http://x.example/Ask", answer_action="http://x.example/Answer")
ENV = f"{{{SOAP}}}"
WSA = f"{{{ADDRESSING}}}"
SECRET = "Hartley"
CAP = 1024 * 1024


def envelope(addressing: Addressing, body: str = "<answer/>") -> bytes:
    return build_envelope(addressing, etree.fromstring(body))


def fault(code: str) -> str:
    return (
        f'<s:Fault xmlns:s="{SOAP}"><s:Code><s:Value>s:{code}</s:Value></s:Code>'
        f'<s:Reason><s:Text xml:lang="en">no such person as {SECRET}</s:Text></s:Reason></s:Fault>'
    )


class Service:
    """A caller that answers each request by a function of the envelope that was sent."""

    def __init__(self, answer: Callable[[Addressing], bytes], *, status: int = 200, media: str = "") -> None:
        self.answer = answer
        self.status = status
        self.media = media or "application/soap+xml; charset=utf-8"
        self.headers: Mapping[str, str] = {}
        self.asked: Addressing | None = None

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        self.headers = headers
        self.asked = open_envelope(body, max_bytes=CAP).addressing
        return HttpResponse(status=self.status, headers={"content-type": self.media}, body=self.answer(self.asked))


def call(service: Service) -> etree._Element:
    client = SoapService(
        url="https://x.example/soap", sender="node", http=service, authorization=basic_authorization("u", "päss")
    )
    return client.call(OPERATION, etree.Element("question"), deadline=Deadline.after(5))


def good(asked: Addressing) -> bytes:
    return envelope(Addressing(action=OPERATION.answer_action, relates_to=asked.message_id))


def test_a_question_carries_the_addressing_headers_and_its_answer_comes_back() -> None:
    service = Service(good)
    assert call(service).tag == "answer"
    assert service.asked is not None
    assert (service.asked.action, service.asked.to) == (OPERATION.request_action, "https://x.example/soap")
    assert (service.asked.sender, service.asked.reply_to) == ("node", ANONYMOUS)
    assert str(service.asked.message_id).startswith("urn:uuid:")
    assert service.headers["Content-Type"] == ('application/soap+xml; charset=utf-8; action="http://x.example/Ask"')
    assert service.headers["Authorization"] == "Basic dTpww6Rzcw=="


def test_each_question_has_its_own_message_id() -> None:
    service = Service(good)
    call(service)
    first = service.asked
    call(service)
    assert service.asked is not None
    assert first is not None
    assert service.asked.message_id != first.message_id


@pytest.mark.parametrize("relates_to", [None, "urn:uuid:another"])
def test_an_answer_to_another_message_is_nonsense(relates_to: str | None) -> None:
    service = Service(lambda _: envelope(Addressing(action=OPERATION.answer_action, relates_to=relates_to)))
    with pytest.raises(SourceNonsense, match="another message"):
        call(service)


def test_an_answer_with_another_action_is_nonsense() -> None:
    service = Service(lambda asked: envelope(Addressing(action="http://x.example/Else", relates_to=asked.message_id)))
    with pytest.raises(SourceNonsense, match="another action"):
        call(service)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("Sender", SourceNonsense),
        ("Receiver", SourceUnavailable),
        ("MustUnderstand", SourceUnavailable),
        ("VersionMismatch", SourceUnavailable),
        ("DataEncodingUnknown", SourceUnavailable),
        ("Surprise", SourceNonsense),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_fault_becomes_an_error_that_does_not_repeat_its_reason(
    code: str, error: type[AdapterError], status: int
) -> None:
    service = Service(lambda _: envelope(Addressing(action=f"{ADDRESSING}/fault"), fault(code)), status=status)
    with pytest.raises(error) as caught:
        call(service)
    assert SECRET not in str(caught.value)


BARE = f'<s:Envelope xmlns:s="{SOAP}">%s<s:Body>{fault("Receiver")}</s:Body></s:Envelope>'
SECURITY = '<s:Header><w:Security xmlns:w="urn:x" s:mustUnderstand="true"/></s:Header>'


@pytest.mark.holds("A74")
@pytest.mark.parametrize("header", ["", "<s:Header/>", SECURITY, f"<s:Header>{2 * '<a:To/>'}</s:Header>"])
@pytest.mark.parametrize("media", ["application/soap+xml", "text/xml; charset=utf-8", "application/xml"])
def test_a_fault_counts_with_any_headers(header: str, media: str) -> None:
    document = (BARE % header).replace("<a:To/>", f'<a:To xmlns:a="{ADDRESSING}"/>').encode()
    with pytest.raises(SourceUnavailable, match="an internal error"):
        call(Service(lambda _: document, status=500, media=media))


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("VersionMismatch", SourceUnavailable, "does not speak SOAP 1.2"),
        ("Server", SourceUnavailable, "an internal error"),
        ("Server.Busy", SourceUnavailable, "an internal error"),
        ("Client", SourceNonsense, "refused our request"),
        ("MustUnderstand", SourceUnavailable, "does not understand WS-Addressing"),
        ("Surprise", SourceNonsense, "does not know"),
    ],
)
@pytest.mark.parametrize(("media", "status"), [("text/xml", 500), ("application/soap+xml", 500), ("text/xml", 200)])
def test_a_fault_of_soap_1_1_is_said_for_what_it_is(
    code: str, error: type[AdapterError], words: str, media: str, status: int
) -> None:
    document = (
        f'<s:Envelope xmlns:s="{SOAP_1_1}"><s:Body><s:Fault><faultcode>s:{code}</faultcode>'
        f"<faultstring>no such person as {SECRET}</faultstring></s:Fault></s:Body></s:Envelope>"
    )
    with pytest.raises(error, match=words) as caught:
        call(Service(lambda _: document.encode(), status=status, media=media))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("raw_answer", [b"<html/>", b"<html", b"", b"<s/>"])
def test_other_xml_is_told_by_its_status(raw_answer: bytes) -> None:
    with pytest.raises(SourceUnavailable, match="500"):
        call(Service(lambda _: raw_answer, status=500, media="text/xml"))


@pytest.mark.parametrize(
    ("role", "is_ours"),
    [
        ("", True),
        (f"{SOAP}/role/next", True),
        (f"{SOAP}/role/ultimateReceiver", True),
        (f"{SOAP}/role/none", False),
        ("https://proxy.example/role", False),
    ],
)
@pytest.mark.parametrize("must", ["1", "true", " true "])
def test_a_header_must_be_understood_only_in_a_role_of_ours(role: str, is_ours: bool, must: str) -> None:
    header = f'<x:a xmlns:x="urn:x" s:mustUnderstand="{must}"' + (f' s:role="{role}"/>' if role else "/>")
    header = header.replace("<x:a ", f'<x:a xmlns:s="{SOAP}" ')
    service = Service(lambda asked: good(asked).replace(b"</soap:Header>", header.encode() + b"</soap:Header>"))
    if is_ours:
        with pytest.raises(SourceNonsense, match="must be understood"):
            call(service)
    else:
        assert call(service).tag == "answer"


@pytest.mark.parametrize(("status", "word"), [(401, "password"), (403, "password"), (503, "503"), (302, "302")])
def test_http_errors_say_what_to_look_at(status: int, word: str) -> None:
    with pytest.raises(SourceUnavailable, match=word):
        call(Service(good, status=status))


def test_an_answer_of_another_media_type_is_nonsense() -> None:
    with pytest.raises(SourceNonsense, match="soap"):
        call(Service(good, media="text/html"))


def test_a_server_error_page_is_no_fault_but_an_outage() -> None:
    with pytest.raises(SourceUnavailable, match="500"):
        call(Service(lambda _: b"<html>", status=500, media="text/html"))


HEADER = f'<wsa:Action xmlns:wsa="{ADDRESSING}">a</wsa:Action>'


def raw(header: str, body: str = "<b/>", namespace: str = SOAP) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{namespace}" xmlns:wsa="{ADDRESSING}"><s:Header>{header}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


@pytest.mark.holds("A63")
@pytest.mark.parametrize(
    ("document", "word"),
    [
        (raw(HEADER, namespace="http://schemas.xmlsoap.org/soap/envelope/"), "1.1"),
        (raw(HEADER, namespace="urn:else"), "not a SOAP 1.2 message"),
        (raw(HEADER, "<a/><b/>"), "exactly one"),
        (raw(HEADER, ""), "exactly one"),
        (raw(HEADER * 2), "more than one WS-Addressing Action"),
        (raw(""), "no WS-Addressing Action"),
        (raw(HEADER + '<x xmlns:e="http://www.w3.org/2003/05/soap-envelope" e:mustUnderstand="true"/>'), "understood"),
        (raw(HEADER + "<wsa:RelatesTo>a</wsa:RelatesTo><wsa:RelatesTo>b</wsa:RelatesTo>"), "more than one message"),
        (f'<s:Envelope xmlns:s="{SOAP}"><s:Body/><s:Body/></s:Envelope>'.encode(), "not a SOAP 1.2 message"),
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + raw(HEADER), "DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + raw(HEADER), "is never fetched"),
        (b"not xml", "well-formed"),
    ],
)
def test_what_is_not_a_sound_message_is_nonsense(document: bytes, word: str) -> None:
    with pytest.raises(SourceNonsense, match=word):
        open_envelope(document, max_bytes=CAP)


def test_a_relation_of_another_kind_is_not_the_reply() -> None:
    other = '<wsa:RelatesTo RelationshipType="http://x.example/quotes">a</wsa:RelatesTo>'
    opened = open_envelope(raw(HEADER + other + "<wsa:RelatesTo>b</wsa:RelatesTo>"), max_bytes=CAP)
    assert opened.addressing.relates_to == "b"


class TestPublishedSamples:
    """HM Courts' crime portal gateway: its envelopes open, and of its bodies one fits the published schema."""

    @pytest.fixture
    def folder(self, shared_data: Path) -> Path:
        return shared_data / "justice-soap" / "src"

    @pytest.mark.parametrize("name", ["sample-request.xml", "multi-day-and-court-room-request.xml"])
    def test_a_published_request_opens_with_its_addressing(self, folder: Path, name: str) -> None:
        opened = open_envelope((folder / "test/resources/soap" / name).read_bytes(), max_bytes=CAP)
        assert opened.addressing.action == "externalDocument"
        assert (opened.addressing.sender, opened.addressing.to) == ("CP_NPS_ML", "CP_NPS")
        assert (opened.addressing.message_id, opened.addressing.relates_to) == (
            "09233523-345b-4351-b623-5dsf35sgs5d6",
            "RelatesToValue",
        )
        assert opened.fault_code is None

    def test_the_single_document_request_fits_the_published_schema(self, folder: Path) -> None:
        opened = open_envelope((folder / "test/resources/soap/sample-request.xml").read_bytes(), max_bytes=CAP)
        assert validate(opened.body, self.request_schema(folder)) == ()

    def test_the_published_request_with_three_documents_fails_the_published_schema_which_allows_one(
        self, folder: Path
    ) -> None:
        sample = folder / "test/resources/soap/multi-day-and-court-room-request.xml"
        opened = open_envelope(sample.read_bytes(), max_bytes=CAP)
        assert len(opened.body.findall("documents/document")) == 3
        (only,) = validate(opened.body, self.request_schema(folder))
        assert "does not belong here" in only.rule

    def request_schema(self, folder: Path) -> Schema:
        return load_schema(folder / "main/resources/xsd/cp/external/ExternalDocumentRequest.xsd")

    def test_a_document_that_was_never_in_an_envelope_is_refused(self, folder: Path) -> None:
        bare = (folder / "test/resources/external-document-request/request-B10JQ01.xml").read_bytes()
        with pytest.raises(SourceNonsense, match=r"not a SOAP 1\.2 message"):
            open_envelope(bare, max_bytes=CAP)
        assert validate(parse(bare, max_bytes=CAP), self.request_schema(folder)) == ()

    def test_the_published_acknowledgement_schema_takes_an_answer_in_our_envelope(self, folder: Path) -> None:
        namespace = "http://www.justice.gov.uk/magistrates/ack"
        body = (
            f'<a:Acknowledgement xmlns:a="{namespace}"><Ack><MessageStatus>DELIVERED</MessageStatus>'
            "<TimeStamp>2026-06-01T10:00:00Z</TimeStamp></Ack></a:Acknowledgement>"
        )
        opened = open_envelope(envelope(Addressing(action="ack"), body), max_bytes=CAP)
        schema = load_schema(folder / "main/resources/xsd/generic/Acknowledgement/Acknowledgement.xsd")
        assert validate(opened.body, schema) == ()
