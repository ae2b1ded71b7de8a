"""What of a DCI registry's answers is accepted: the published samples, and everything that is wrong with others."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import SourceNonsense
from adapters.sources.dci_answers import (
    EnrolledAnswer,
    Enrolment,
    PersonName,
    SearchAnswer,
    TokenAnswer,
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
        (b'{"header": 1, "header": 2}', "says one thing twice"),
        (b'{"header": NaN}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"header": {"action": "search", "status": "rcvd"}}', "message"),
        (answer(status="perhaps"), "status"),
        (answer(reference_id=7), "reference_id"),
        (answer(data={"reg_records": {}}), "reg_records"),
        (answer(data={"reg_records": ["text"]}), "reg_records"),
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
        {"birth_date": "02.05.2004"},
        {"birth_date": 20040502},
        {"identifier": []} | {"name": "Hartley"},
        {"name": []},
        {"sex": 1},
        {"programme": [{"enrolment_date": "next week"}]},
        {"payroll": "none"},
        {"identifier": [{"identifier_type": "CRN", "identifier_value": 12345}]},
    ],
)
def test_a_record_that_cannot_be_read_is_nonsense_and_its_values_are_not_repeated(change: dict[str, Any]) -> None:
    with pytest.raises(SourceNonsense) as caught:
        read_record(PERSON | change)
    for value in ("02.05", "2004", "Hartley", "next week", "12345"):
        assert value not in str(caught.value)


def test_a_blank_stands_for_what_is_not_known() -> None:
    record = read_record(PERSON | {"birth_date": " ", "sex": "", "address": "", "payroll": []})
    assert (record.birth_date, record.sex, record.postcode, record.payments) == (None, None, None, ())


@pytest.mark.parametrize("life", [900, "900", None])
def test_a_tokens_life_may_be_a_number_or_a_text(life: object) -> None:
    raw = json.dumps({"access_token": "abc", "token_type": "bearer", "expires_in": life}).encode()
    assert parse_answer(raw, TokenAnswer).access_token == "abc"


@pytest.mark.parametrize(
    "change", [{"access_token": "a\r\nX-Injected: 1"}, {"token_type": "mac"}, {"expires_in": "soon"}]
)
def test_a_token_that_could_not_stand_in_a_header_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SourceNonsense):
        parse_answer(json.dumps({"access_token": "abc", "token_type": "bearer"} | change).encode(), TokenAnswer)


@given(raw=st.binary(max_size=400))
def test_whatever_bytes_come_only_nonsense_goes(raw: bytes) -> None:
    for model in (SearchAnswer, EnrolledAnswer, TokenAnswer):
        with pytest.raises(SourceNonsense):
            parse_answer(raw, model)
