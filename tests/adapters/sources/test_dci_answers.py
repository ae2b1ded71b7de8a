"""A DCI registry's answers: the published samples are accepted, and every fault in others is refused."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import SourceNonsense
from adapters.sources.dci_answers import (
    DciTokenResponse,
    EnrolledAnswer,
    Enrolment,
    PersonName,
    SearchAnswer,
    parse_answer,
    read_record,
)
from tests.support.published_dci import PublishedApi, load, sample_names

SUDARAT = (PersonName(surname="Phumchai", given_names="Sudarat"),)


def answer(**item: object) -> bytes:
    whole = {
        "header": {"action": "on-search", "status": "succ"},
        "message": {"transaction_id": "t", "search_response": [{"reference_id": "r", "status": "succ"} | item]},
    }
    return json.dumps(whole).encode()


class TestPublishedSamples:
    """Each published sample of the two registries that hold people's benefits is accepted, or refused for a reason."""

    @pytest.fixture
    def folder(self, shared_data: Path) -> Path:
        return shared_data / "social-protection-dci" / "release/sample-jsons/assets/example_files"

    @pytest.mark.parametrize(
        "name",
        [
            "ibr/processflow2res",
            "ibr/processflow3ares",
            "ibr/processflow4res",
            "social/processflow1-1res",
            "social/processflow1-2res",
            "social/processflow1-3res",
            "social/processflow2res",
            "social/processflow3ares",
            "social/processflow4res",
        ],
    )
    def test_the_envelope_of_a_search_answer_is_accepted(self, folder: Path, name: str) -> None:
        parsed = parse_answer((folder / f"{name}.json").read_bytes(), SearchAnswer)
        assert parsed.header.status == "rcvd"
        assert [item.status for item in parsed.message.search_response] == ["rcvd"]

    def record(self, folder: Path, name: str) -> dict[str, Any]:
        parsed = parse_answer((folder / f"{name}.json").read_bytes(), SearchAnswer)
        data = parsed.message.search_response[0].data
        assert data is not None
        return data.reg_records[0]

    @pytest.mark.parametrize("name", ["ibr/processflow3ares", "ibr/processflow4res"])
    def test_a_person_of_the_beneficiary_registry_is_read_with_programmes_and_payments(
        self, folder: Path, name: str
    ) -> None:
        record = read_record(self.record(folder, name))
        assert record.names == SUDARAT
        assert (record.birth_date, record.sex) == (date(1995, 9, 21), "female")
        assert record.identifier("UIN") == "847951632"
        assert record.enrolments[0] == Enrolment(
            programme=None, enrolled=date(2022, 10, 21), suspended=date(2023, 9, 21), ended=date(2022, 9, 21)
        )
        assert record.payments is not None
        assert [payment.credited for payment in record.payments] == [date(2010, 9, 21), date(2011, 9, 21)]

    @pytest.mark.parametrize("name", ["social/processflow2res", "social/processflow3ares", "social/processflow4res"])
    def test_a_person_of_the_social_registry_is_read(self, folder: Path, name: str) -> None:
        record = read_record(self.record(folder, name))
        assert record.names[:1] == SUDARAT
        assert record.postcode == "84320"
        assert (record.enrolments, record.payments) == ((), None)

    def test_a_member_with_demographic_info_is_read(self, folder: Path) -> None:
        record = read_record(self.record(folder, "social/processflow1-3res"))
        assert record.names == (PersonName(surname="Test3", given_names="Test Test2"),)
        assert (record.identifier("NID"), record.birth_date) == ("0205202401", date(1985, 5, 20))

    def test_a_beneficiary_around_a_member_is_read(self, folder: Path) -> None:
        enrolment = load(folder / "ibr/processflow1req.json")["message"]["receipt_information"]["beneficiaries"][0]
        record = read_record(enrolment)
        assert record.identifier("NID") == "0205202401"
        assert record.enrolments == (
            Enrolment(programme="DCI001", enrolled=date(2024, 4, 12), suspended=None, ended=None),
        )

    @pytest.mark.parametrize("name", ["social/processflow1-1res", "social/processflow1-2res"])
    def test_a_group_is_refused_because_it_is_no_person(self, folder: Path, name: str) -> None:
        with pytest.raises(SourceNonsense, match="identifier"):
            read_record(self.record(folder, name))

    def test_a_programme_without_its_person_is_refused(self, folder: Path) -> None:
        with pytest.raises(SourceNonsense, match="identifier"):
            read_record(self.record(folder, "ibr/processflow2res"))

    def test_an_acknowledgement_is_refused_because_it_answers_nothing(self, folder: Path) -> None:
        with pytest.raises(SourceNonsense, match=r"header\.action"):
            parse_answer((folder / "ibr/processflow1res.json").read_bytes(), SearchAnswer)

    def test_every_sample_of_an_answer_was_tried_above(self, folder: Path) -> None:
        found = {f"{path.parent.name}/{path.stem}" for path in sample_names(folder.parents[3], "res")}
        tried = {name for name in found if name.startswith(("ibr/", "social/"))}
        assert len(tried) == 10

    def test_no_published_request_fits_the_published_schema_so_ours_follow_the_schema(self, folder: Path) -> None:
        """The samples write counts as texts and blanks where the schema has numbers, addresses and objects."""
        published = PublishedApi(folder.parents[3])
        for path in sample_names(folder.parents[3], "req"):
            if path.parent.name not in {"ibr", "social"} or "search_request" not in load(path)["message"]:
                continue
            faults = published.request_faults("/registry/sync/search", load(path))
            assert "$.header.total_count" in faults
            assert "$.header.meta" in faults


def test_the_parts_that_are_read_are_held_to_their_types_and_the_rest_is_left_alone() -> None:
    parsed = parse_answer(answer(surprise=1, data={"reg_records": [{"anything": True}], "more": []}), SearchAnswer)
    assert parsed.message.search_response[0].data is not None


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "not JSON"),
        (b"[]", "the whole"),
        (b"{", "not JSON"),
        (b"\xff{}", "not JSON"),
        (b'{"header": 1, "header": 2}', "has a field twice"),
        (b'{"header": NaN}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"header": {"action": "search", "status": "rcvd"}}', "message"),
        (answer(status="perhaps"), "status"),
        (answer(reference_id=7), "reference_id"),
        (answer(data={"reg_records": ["text"]}), "reg_records"),
        (answer(data={"reg_records": 1}), "reg_records"),
    ],
)
def test_an_answer_that_is_wrong_in_a_part_that_is_read_is_nonsense(raw: bytes, word: str) -> None:
    with pytest.raises(SourceNonsense, match=word):
        parse_answer(raw, SearchAnswer)


PERSON: dict[str, Any] = {
    "identifier": [{"identifier_type": "CRN", "identifier_value": "1"}],
    "name": {"surname": "Hartley", "given_name": "Daniel"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"identifier": []} | {"name": "Hartley"},
        {"identifier": "12345"},
        {"identifier": [{"identifier_type": "CRN", "identifier_value": [12345]}]},
        {"identifier": None},
        {"name": []},
    ],
)
def test_a_record_of_no_person_is_nonsense_and_its_values_are_not_repeated(change: dict[str, Any]) -> None:
    with pytest.raises(SourceNonsense) as caught:
        read_record(PERSON | change)
    for value in ("Hartley", "12345"):
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"birth_date": "02.05.2004"}, "birth_date"),
        ({"birth_date": "2004"}, "birth_date"),
        ({"birth_date": "2004-05"}, "birth_date"),
        ({"birth_date": "0000-00-00"}, "birth_date"),
        ({"birth_date": 20040502}, "birth_date"),
        ({"birthdate": "yesterday"}, "birth_date"),
        ({"sex": [1]}, "gender"),
        ({"address": [{"postal_code": 7}]}, "postcode"),
        ({"programme": [{"enrolment_date": "next week"}]}, "benefits"),
        ({"programme": [{"enrolment_date": "2024-01-01", "graduation_date": "soon"}]}, "benefits"),
        ({"payroll": "none"}, "benefits"),
    ],
)
def test_a_value_that_cannot_be_read_is_left_out_and_named(change: dict[str, Any], name: str) -> None:
    record = read_record(PERSON | change)
    assert record.unreadable == {name}
    assert record.names == (PersonName(surname="Hartley", given_names="Daniel"),)
    assert (record.birth_date, record.sex, record.postcode, record.enrolments) == (None, None, None, ())


@pytest.mark.parametrize(
    "change",
    [
        {"birth_date": "2004-05-02"},
        {"birthdate": "2004-05-02"},
        {"birthDate": "2004-05-02T00:00:00"},
        {"date_of_birth": "2004-05-02"},
        {"birth_date": "2004-05-01T23:00:00Z"},
        {"birth_date": "2004-05-02T00:00:00.000+01:00"},
    ],
)
def test_a_birth_date_is_read_under_the_names_that_vendors_give_it_as_its_day_in_london(change: dict[str, Any]) -> None:
    assert read_record(PERSON | change).birth_date == date(2004, 5, 2)


def test_other_spellings_of_a_persons_members_are_read() -> None:
    record = read_record(
        {
            "identifiers": [{"identifier_type": "crn", "identifier_value": 12345}],
            "name": {"sur_name": "Hartley", "given_names": "Daniel"},
            "gender": 1,
        }
    )
    assert record.identifier("CRN") == "12345"
    assert (record.names[0].surname, record.names[0].given_names, record.sex) == ("Hartley", "Daniel", "1")


@pytest.mark.parametrize("data", [None, [], {}, {"reg_records": None}, {"reg_records": []}, {"reg_records": {}}])
def test_no_record_is_written_in_several_ways(data: object) -> None:
    (item,) = parse_answer(answer(data=data), SearchAnswer).message.search_response
    assert item.data is None or item.data.reg_records == []


def test_one_record_may_stand_without_a_list() -> None:
    (item,) = parse_answer(answer(data={"reg_records": PERSON}), SearchAnswer).message.search_response
    assert item.data is not None
    assert item.data.reg_records == [PERSON]


@pytest.mark.parametrize(
    ("code", "message", "absent"),
    [
        ("REG-ERR-001", "REGISTER_NOT_FOUND", True),
        ("rjct.search.no_records", None, True),
        ("E17", "Beneficiary does not exist", True),
        ("E17", "No such person.", True),
        ("person.not_registered", None, True),
        ("NOT-FOUND", None, True),
        ("X9", None, True),
        ("X9", "x" * 1000, True),
        ("X8", "internal error", False),
        ("X8", "The sender is not registered.", False),
        ("SERVICE_NOT_FOUND", None, False),
        ("X8", "no records: query template not found", False),
        ("rjct.search_criteria.invalid", None, False),
        ("rjct.search.too_many_records_found", None, False),
        (None, None, False),
        (None, 7, False),
    ],
)
def test_a_rejection_says_that_there_is_no_such_person_in_words_or_by_a_code_that_is_configured(
    code: str | None, message: object, absent: bool
) -> None:
    raw = answer(status="rjct", status_reason_code=code, status_reason_message=message, data=None)
    (item,) = parse_answer(raw, SearchAnswer).message.search_response
    assert item.says_absent(("X9",)) is absent


def test_an_answer_may_begin_with_a_byte_order_mark() -> None:
    assert parse_answer(b"\xef\xbb\xbf" + answer(), SearchAnswer).header.status == "succ"


def test_a_blank_stands_for_what_is_not_known() -> None:
    record = read_record(PERSON | {"birth_date": " ", "sex": "", "address": "", "payroll": []})
    assert (record.birth_date, record.sex, record.postcode, record.payments) == (None, None, None, ())


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_a_tokens_type_is_compared_without_case(kind: str) -> None:
    raw = json.dumps({"access_token": "abc", "token_type": kind}).encode()
    assert parse_answer(raw, DciTokenResponse).access_token == "abc"


@pytest.mark.parametrize("life", [900, "900", None, 3599.5, "3599.5", 0, 1e300])
def test_a_tokens_life_may_be_a_number_or_a_text(life: object) -> None:
    raw = json.dumps({"access_token": "abc", "token_type": "bearer", "expires_in": life}).encode()
    assert parse_answer(raw, DciTokenResponse).access_token == "abc"


@pytest.mark.parametrize(
    "change", [{"access_token": "a\r\nX-Injected: 1"}, {"token_type": "mac"}, {"expires_in": "soon"}]
)
def test_a_token_that_could_not_stand_in_a_header_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SourceNonsense):
        parse_answer(json.dumps({"access_token": "abc", "token_type": "bearer"} | change).encode(), DciTokenResponse)


@given(raw=st.binary(max_size=400))
def test_any_bytes_raise_only_nonsense(raw: bytes) -> None:
    for model in (SearchAnswer, EnrolledAnswer, DciTokenResponse):
        with pytest.raises(SourceNonsense):
            parse_answer(raw, model)
