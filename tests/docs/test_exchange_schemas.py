"""The published schemas accept what the code accepts: the body of each kind and version, and the envelope around it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker, validators

from tests.docs.example_keys import COUNCIL, TRUST
from tests.docs.pages import DOCS
from tests.docs.published_examples import NOW, PUBLISHED, opened_message
from tests.docs.showing import claims_of
from tests.trust.exchange import queued_examples
from tests.trust.exchange.strategies import changed, objects
from trust import jose
from trust.errors import MalformedJson, TrustError
from trust.exchange import (
    alert,
    disclosure,
    eligibility,
    involvement,
    message,
    notice,
    receipt,
    referral,
    refusal,
    reply,
)
from trust.exchange.errors import MalformedBody, MalformedMessage
from trust.exchange.kinds import KINDS
from trust.keys import KeySet, KeyUse, LocalSigner
from trust.strict_json import JsonObject

SCHEMAS: dict[str, Any] = json.loads((DOCS / "exchange-schemas.json").read_text(encoding="utf-8"))
SIGNER = LocalSigner.generate(KeyUse.MESSAGE)
KEYS = KeySet.of(KeyUse.MESSAGE, [SIGNER.public])
EXAMPLES = {name: claims_of(raw) for name, raw in PUBLISHED["signed"].items()}
_SENT = opened_message()
_STORED = receipt.Receipt(
    iss=TRUST,
    aud=COUNCIL,
    iat=_SENT.message.iat,
    exp=_SENT.message.exp,
    jti="c-1",
    from_service=_SENT.message.from_service,
    to_service=_SENT.message.to_service,
    request=_SENT.ref,
    state=receipt.ReceiptState.STORED,
    at=_SENT.message.iat,
    seq=1,
)
EXAMPLES["receipt"] = claims_of(receipt.build_receipt(_STORED, SIGNER).decode())
KNOWN, REFUSED = (EXAMPLES[f"reply: {name}"]["body"] for name in ("known", "refused"))
QUESTION = {"question": "in_payment", "as_of": "2026-11-23", "benefit": "universal-credit"}
ANSWER = {"answer": "yes", "as_of": "2026-11-23"}
DECLINED = {
    "status": "declined",
    "reason": "Outside our area.",
    "declined_by": "duty-manager",
    "alternative": {"service_type": "advocacy", "service": "https://charity.example#advocates"},
}
ENVELOPES = ["message", "receipt", "reply"]

DISCLOSURE: JsonObject = {
    "type": "urgent",
    "fields": ["circumstances", "risk_level"],
    "details": {"risk_level": "high"},
    "statements": [queued_examples.statement("circumstances", "p1")],
}


def read_refusal(body: JsonObject) -> refusal.Refusal:
    """Read what a reader takes for a refusal, which its status alone decides."""
    if not refusal.is_refusal(body):
        raise MalformedBody([])
    return refusal.parse_refusal_body(body)


BODIES: dict[str, tuple[Callable[[JsonObject], object], JsonObject]] = {
    "involvement.query-1-question": (involvement.parse_query_body, {"fields": ["worker", "phone"]}),
    "involvement.query-1-answer": (involvement.parse_reply_body, KNOWN),
    "eligibility.query-1-question": (eligibility.parse_query_body, QUESTION),
    "eligibility.query-1-answer": (eligibility.parse_reply_body, ANSWER),
    "refused": (read_refusal, REFUSED),
    "alert-1-message": (alert.parse_body, queued_examples.SAFEGUARDING),
    "alert-1-answer": (alert.parse_answer, {"closed": "useful"}),
    "referral-1-message": (referral.parse_body, queued_examples.SCHOOL_MOVE),
    "referral-1-answer": (referral.parse_answer, DECLINED),
    "notice-1-message": (notice.parse_body, queued_examples.CORRECTION),
    "disclosure-1-message": (disclosure.parse_body, DISCLOSURE),
    "disclosure-1-answer": (alert.parse_answer, {"closed": "useful"}),
    "notice-1-answer": (notice.parse_answer, {"answer": "kept", "ground": "A court ordered it."}),
}
QUEUED: dict[str, list[JsonObject]] = {f"{kind}-1-message": [] for kind in ("alert", "referral", "notice")}
for _kind, _body in queued_examples.BODIES.values():
    QUEUED[f"{_kind}-1-message"].append(_body)
# The library takes 1.0 for a whole number; here one is written without a fraction, as everywhere in the profile.
_WHOLE = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
_Validator = validators.extend(Draft202012Validator, type_checker=_WHOLE)  # type: ignore[no-untyped-call]


FORMATS = FormatChecker(["date"])


@FORMATS.checks("date-time", raises=(ValueError, OverflowError))
def is_moment(text: object) -> bool:
    """Return whether a text of the right form is a time that exists."""
    return not isinstance(text, str) or bool(datetime.fromisoformat(text).astimezone(UTC))


@cache
def validator_of(name: str) -> Callable[[object], bool]:
    """Return the validator of one schema, which takes long to make."""
    validator = _Validator({**SCHEMAS, "$ref": f"#/$defs/{name}"}, format_checker=FORMATS)
    return cast("Callable[[object], bool]", validator.is_valid)


def fits(name: str, document: object) -> bool:
    return validator_of(name)(document)


def is_read(name: str, body: JsonObject) -> bool:
    try:
        BODIES[name][0](body)
    except MalformedBody:
        return False
    return True


def is_well_formed(name: str, claims: JsonObject) -> bool:
    """Return whether the code accepts the form, which it checks before parties, times and agreement."""
    try:
        if name == "message":
            raw = jose.sign(claims, typ=message.TYP, signer=SIGNER)
            message.open_message(raw, sender_keys=KEYS, own_id=TRUST, now=NOW)
        elif name == "reply":
            raw, asked = jose.sign(claims, typ=reply.TYP, signer=SIGNER), opened_message()
            reply.open_reply(raw, holder_keys=KEYS, own_id=COUNCIL, sent=asked.ref, message=asked.message, now=NOW)
        else:
            raw, asked = jose.sign(claims, typ=receipt.TYP, signer=SIGNER), opened_message()
            receipt.open_receipt(
                raw, receiver_keys=KEYS, own_id=COUNCIL, sent=asked.ref, message=asked.message, now=NOW
            )
    except (MalformedMessage, MalformedJson):
        return False
    except TrustError:
        return True
    return True


def test_the_schemas_are_schemas() -> None:
    Draft202012Validator.check_schema(SCHEMAS)
    used = {ref.removeprefix("#/$defs/") for ref in references(SCHEMAS)}
    assert SCHEMAS["$defs"].keys() == used | BODIES.keys() | set(ENVELOPES)


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for each in value.values() for ref in references(each)]
    return [ref for each in value for ref in references(each)] if isinstance(value, list) else []


def test_every_version_of_every_kind_has_its_schemas() -> None:
    spoken = {f"{kind.name}-{version}" for kind in KINDS.values() for version in kind.versions}
    assert {name.rpartition("-")[0] for name in BODIES if name != "refused"} == spoken


def test_the_fields_of_the_schemas_are_the_codes() -> None:
    assert SCHEMAS["$defs"]["involvement"]["properties"].keys() == involvement.FIELDS
    for kind in (each for each in KINDS.values() if not each.queued):
        answer = SCHEMAS["$defs"][f"{kind.name}-{max(kind.versions)}-answer"]
        assert answer["properties"].keys() == kind.reply_members


@pytest.mark.parametrize("name", ENVELOPES)
def test_the_examples_of_the_profile_are_of_their_schemas(name: str) -> None:
    found = {each: claims for each, claims in EXAMPLES.items() if each.partition(":")[0] == name}
    assert found
    for claims in found.values():
        assert fits(name, claims)
        if name == "reply":
            assert fits(
                "refused" if claims["body"]["status"] == "refused" else f"{claims['kind']}-1-answer", claims["body"]
            )


@pytest.mark.parametrize("name", BODIES)
@given(data=st.data())
def test_schema_and_code_read_the_same_bodies(name: str, data: st.DataObject) -> None:
    good = BODIES[name][1]
    assert fits(name, good)
    inner = (
        changed(good["involvements"][0]).map(lambda each: {**good, "involvements": [each]}) if good is KNOWN else None
    )
    reason = changed(good["reason"]).map(lambda each: {**good, "reason": each}) if good is REFUSED else None
    strategies = [changed(good), objects(*good), *(each for each in (inner, reason) if each is not None)]
    body = data.draw(st.one_of(strategies))
    assert fits(name, body) == is_read(name, body)


@pytest.mark.parametrize("name", sorted(QUEUED))
@given(data=st.data())
def test_schema_and_code_read_the_same_queued_bodies(name: str, data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(QUEUED[name]))
    assert fits(name, good)
    typed = good["details"] or {"item": "fridge"}
    inside = st.one_of(
        st.one_of(changed(typed), objects(*typed)).map(lambda details: {**good, "details": details}),
        st.lists(changed(queued_examples.statement("reason", "p1")), max_size=2).map(
            lambda more: {**good, "statements": [*good["statements"], *more]}
        ),
        st.one_of([changed(each) for each in good["statements"]] or [st.just({})]).map(
            lambda only: {**good, "statements": [only]}
        ),
    )
    body = data.draw(st.one_of(changed(good), objects(*good), inside))
    assert fits(name, body) == is_read(name, body)


QUEUED_CLAIMS = claims_of(message.build_message(queued_examples.queued(aud=TRUST), SIGNER).decode())


@given(data=st.data())
def test_schema_and_code_find_the_same_queued_envelopes_well_formed(data: st.DataObject) -> None:
    assert fits("message", QUEUED_CLAIMS)
    persons = QUEUED_CLAIMS["persons"]
    person = {name: value for name, value in persons[0].items() if name != "subject"}
    name = data.draw(st.sampled_from(["views", "told", "safe_contact", "consent"]))
    some = st.one_of(
        changed(person).map(lambda each: [{**each, "subject": {}}]),
        changed(person[name]).map(lambda value: [{**persons[0], name: value}]),
    )
    whole = changed({name: value for name, value in QUEUED_CLAIMS.items() if name not in {"persons", "deadline"}})
    without = st.sampled_from(["persons", "urgency", "practitioner"]).map(lambda name: {**QUEUED_CLAIMS, name: None})
    claims = data.draw(
        st.one_of(
            whole.map(lambda each: {**each, "persons": persons}),
            some.map(lambda each: {**QUEUED_CLAIMS, "persons": each}),
            changed(QUEUED_CLAIMS["practitioner"] | {"name": "Ines"}).map(
                lambda each: {**QUEUED_CLAIMS, "practitioner": each}
            ),
            without,
        )
    )
    assert fits("message", claims) == is_well_formed("message", claims)


@pytest.mark.parametrize("name", ENVELOPES)
@given(data=st.data())
def test_schema_and_code_find_the_same_envelopes_well_formed(name: str, data: st.DataObject) -> None:
    good = EXAMPLES["reply: known" if name == "reply" else name]
    whole = changed({each: value for each, value in good.items() if each != "subject"})
    member = data.draw(st.sampled_from([each for each in ("agreement", "practitioner", "request") if each in good]))
    part: st.SearchStrategy[JsonObject] = changed(good[member]).map(lambda value: {member: value})
    claims = {**good, **data.draw(whole | part)}
    assert fits(name, claims) == is_well_formed(name, claims)


@pytest.mark.parametrize("name", ENVELOPES)
def test_no_member_of_an_envelope_may_be_missing_but_those_that_are_optional(name: str) -> None:
    good = EXAMPLES["reply: known" if name == "reply" else name]
    for member in good:
        without = {each: value for each, value in good.items() if each != member}
        assert fits(name, without) == is_well_formed(name, without)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("involvement.query-1-answer", {**KNOWN, "status": "not_known"}),
        ("involvement.query-1-answer", {**KNOWN, "involvements": []}),
        ("involvement.query-1-answer", {**KNOWN, "onward": "none\n"}),
        ("involvement.query-1-answer", {**KNOWN, "involvements": [{"since": "2026-02-30"}]}),
        ("involvement.query-1-answer", {**KNOWN, "involvements": [{"last_contact_month": "2026-08-01"}]}),
        ("involvement.query-1-answer", {**KNOWN, "note": "\x1b[2J"}),
        ("eligibility.query-1-question", {**QUESTION, "benefit": "Universal Credit"}),
        ("eligibility.query-1-answer", {**ANSWER, "answer": "maybe"}),
        ("refused", {**REFUSED, "supported_versions": [0]}),
    ],
)
def test_what_is_wrong_is_wrong_to_both(name: str, wrong: JsonObject) -> None:
    assert not fits(name, wrong)
    assert not is_read(name, wrong)


@pytest.mark.parametrize("more", [0, 1])
def test_both_count_to_the_same_number(more: int) -> None:
    bodies = {
        "involvement.query-1-question": [{"fields": [f"f{number}" for number in range(16 + more)]}],
        "involvement.query-1-answer": [
            {**KNOWN, "note": "n" * (500 + more)},
            {**KNOWN, "involvements": [{"role": "r" * (200 + more)}]},
            {**KNOWN, "involvements": [{}] * (50 + more)},
        ],
        "eligibility.query-1-question": [{**QUESTION, "benefit": "b" * (64 + more)}],
        "refused": [
            {**REFUSED, "reason": {**REFUSED["reason"], "remedy": "r" * (2000 + more)}},
            {**REFUSED, "supported_versions": [1000 + more]},
            {**REFUSED, "supported_versions": [1] * (20 + more)},
        ],
    }
    for name, body in ((name, body) for name, several in bodies.items() for body in several):
        assert fits(name, body) == is_read(name, body) == (not more)
    asked = EXAMPLES["message"]
    practitioner = {**asked["practitioner"], "call_back": "0" * (20 + more)}
    longest = f"https://{'a' * 60}.{'b' * 60}.{'c' * 60}.example/{'d' * (57 + more)}"
    assert len(longest) == 256 + more
    for claims in (
        {**asked, "iss": longest},
        {**asked, "practitioner": practitioner},
        {**asked, "v": 1000 + more},
        {**asked, "jti": "j" * (128 + more)},
    ):
        assert fits("message", claims) == is_well_formed("message", claims) == (not more)


CONSENT = {
    "roles": ["confidentiality"],
    "given_on": "2026-11-09",
    "form": "written",
    "evidence": "CF-1",
    "expires_on": "2027-11-09",
}


@given(consent=changed(CONSENT) | objects(*CONSENT))
def test_schema_and_code_read_the_same_records_of_consent(consent: JsonObject) -> None:
    claims = {**EXAMPLES["message"], "consent": consent}
    assert fits("message", claims) == is_well_formed("message", claims)
