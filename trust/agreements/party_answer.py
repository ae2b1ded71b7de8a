"""A node's answer to a party's call about one agreement. Nothing in it is verified here.

Each document in it is signed, and the caller proves each by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trust.agreements.party_call import Papers, read_signed
from trust.exchange.errors import MalformedAgreement
from trust.exchange.reader import Reader
from trust.strict_json import JsonObject, dumps, loads

MAX_BYTES = 1_048_576
"""Bytes of a whole answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyAnswer:
    """The signatures held, or the notice that the version is closed, and what is held of agencies that joined or left.

    ``leavings`` are the notices of the parties that left, ``papers`` accessions with their admissions. ``ruling`` is
    the answering party's own on the caller. ``suspension`` is the newest notice of one.
    """

    signatures: Sequence[bytes] = ()
    ending: bytes | None = None
    leavings: Sequence[bytes] = ()
    papers: Sequence[Papers] = ()
    ruling: bytes | None = None
    suspension: bytes | None = None


def build_answer(answer: PartyAnswer) -> bytes:
    """Return an answer as JSON."""
    members: JsonObject = {"signatures": [each.decode("ascii") for each in answer.signatures]}
    if answer.leavings:
        members["leavings"] = [each.decode("ascii") for each in answer.leavings]
    for name, raw in (("ending", answer.ending), ("ruling", answer.ruling), ("suspension", answer.suspension)):
        if raw is not None:
            members[name] = raw.decode("ascii")
    if answer.papers:
        members["accessions"] = [_paper_to_json(each) for each in answer.papers]
    return dumps(members)


def parse_answer(raw: bytes) -> PartyAnswer:
    """Read an answer. Raises ``TrustError`` only."""
    members = loads(raw, max_bytes=MAX_BYTES)
    reader = Reader(members)
    papers = tuple(
        Papers(accession=read_signed(each, "accession"), admission=read_signed(each, "admission"))
        for each in reader.children("accessions", required=False)
    )
    answer = PartyAnswer(
        signatures=_read_documents(reader, "signatures", members.get("signatures")),
        leavings=_read_documents(reader, "leavings", members.get("leavings", [])),
        ending=read_signed(reader, "ending"),
        papers=papers,
        ruling=read_signed(reader, "ruling"),
        suspension=read_signed(reader, "suspension"),
    )
    if reader.faults:
        raise MalformedAgreement(reader.faults)
    return answer


def _read_documents(reader: Reader, name: str, documents: object) -> tuple[bytes, ...]:
    if not isinstance(documents, list) or not all(isinstance(each, str) and each.isascii() for each in documents):
        reader.fault(name, "must be a list of signed documents")
        return ()
    return tuple(each.encode("ascii") for each in documents)


def _paper_to_json(papers: Papers) -> JsonObject:
    documents = (("accession", papers.accession), ("admission", papers.admission))
    return {name: raw.decode("ascii") for name, raw in documents if raw is not None}
