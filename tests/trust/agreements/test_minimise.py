"""The gateway cuts the fields, never the adapter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import BINDING, facts, request
from tests.trust.exchange.examples import NOW, TRUST
from trust.agreements.decision import LocalPolicy, Permit, decide_request
from trust.agreements.minimise import minimise
from trust.exchange.involvement import (
    FIELDS,
    InvolvementStatus,
    build_reply_body,
    parse_reply_body,
)

_decided = decide_request(facts(request()), agreement=BINDING, local=LocalPolicy(), own=TRUST, now=NOW)
assert isinstance(_decided, Permit)
PERMIT = _decided

HELD = {
    "organisation": "Vale Mental Health",
    "worker": "Ines Okparaebo",
    "last_contact_month": "2026-08",
    "diagnosis": "not for anyone",
    "phone": "",
}


@pytest.mark.holds("A48")
def test_only_what_the_clause_permits_is_sent_and_the_rest_is_named() -> None:
    cut = minimise(PERMIT.fields, HELD)
    assert cut.sent == {"organisation": "Vale Mental Health", "worker": "Ines Okparaebo"}
    assert cut.withheld == ("diagnosis", "last_contact_month", "phone")


@pytest.mark.holds("A48")
@given(
    permitted=st.frozensets(st.sampled_from(sorted(FIELDS))),
    held=st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=10), st.text(max_size=30)),
)
def test_no_other_field_of_any_adapter_answer_is_ever_sent(permitted: frozenset[str], held: dict[str, str]) -> None:
    cut = minimise(permitted, held)
    assert cut.sent.keys() <= permitted
    assert cut.sent.keys() | set(cut.withheld) == held.keys()


@given(worker=st.text(max_size=400))
def test_what_is_sent_is_inert_and_can_be_read_by_the_peer(worker: str) -> None:
    sent = minimise(PERMIT.fields, {"worker": worker, "organisation": "Vale"}).sent
    terms = PERMIT.terms
    body = build_reply_body(InvolvementStatus.KNOWN, terms=terms, involvements=[sent])
    assert parse_reply_body(body).involvements == (sent,)
