"""The Jobcentre adapter: allocations from SQL, answers from a real DCI registry over TLS, and never a mixture."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from adapters.conformance import Samples, run
from adapters.contract import (
    Adapter,
    AdapterContext,
    Deadline,
    HttpCaller,
    HttpResponse,
    SourceMisconfigured,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.sectors.jobcentre import FACTORY, BenefitRegistry, JobcentreSettings
from adapters.sources import days
from gateway.demo.case_systems import dci_registry, sql_systems
from gateway.demo.case_systems.records import CaseService
from tests.support.case_systems import running
from tests.support.http import TestCaller
from tests.support.people import DANIEL, GRACE, award, involvement
from tests.support.published_dci import PublishedApi
from tests.support.tls import Authority, make_authority
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery, Question
from trust.exchange.person import Address, Gender, Subject

SECRET = "a long and random secret"
TODAY = datetime.now(UTC).date()
RECENTLY = TODAY - timedelta(days=10)
ASKED = Subject(nino=DANIEL.nino, family_name="Hartley", birth_date=DANIEL.birth_date)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dci") / "registry.db"
    awards = [
        award(programme="UC", paid_on=(RECENTLY, RECENTLY - timedelta(days=30))),
        award(programme="PIP", suspended=TODAY - timedelta(days=90), paid_on=(TODAY - timedelta(days=100),)),
        award(programme="CA", enrolled=date(2020, 1, 1), ended=date(2023, 5, 5)),
        award(programme="NEW", enrolled=TODAY - timedelta(days=3)),
        award(resident=GRACE, claimant_ref="CLM-000200", programme="CA", ended=TODAY - timedelta(days=400)),
        *(award(resident=GRACE, claimant_ref=f"CLM-00030{number}") for number in range(4)),
    ]
    dci_registry.create(path, awards, clients={"jobcentre-node": SECRET})
    return path


@pytest.fixture(scope="module")
def allocations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sql") / "coaches.db"
    record = involvement(CaseService.JOBCENTRE, local_id="WC-77", worker="Tom Okafor", role="Work coach")
    sql_systems.create(CaseService.JOBCENTRE, path, [record])
    return path


@pytest.fixture(scope="module")
def url(db: Path, authority: Authority) -> Iterator[str]:
    with running("dci", db, authority) as base:
        yield base


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "dci.secret"
    path.touch(mode=0o600)
    path.write_text(SECRET)
    return path


@pytest.fixture
def caller(authority: Authority) -> TestCaller:
    return TestCaller(ca=authority.certificate)


@pytest.fixture
def files(secret_file: Path, allocations: Path) -> tuple[Path, Path]:
    return secret_file, allocations


def build(url: str, caller: HttpCaller, secret_file: Path, allocations: Path, **changes: object) -> Adapter:
    registry = {
        "base_url": url,
        "sender_id": "jobcentre.example",
        "receiver_id": dci_registry.REGISTRY_ID,
        "client_id": "jobcentre-node",
        "client_secret_file": secret_file.name,
    }
    settings = JobcentreSettings.model_validate(
        {
            "allocations": sql_systems.adapter_settings(CaseService.JOBCENTRE, allocations),
            "registry": registry | changes,
            "benefits": {"universal-credit": "UC", "pip": "PIP", "carers-allowance": "CA", "new": "NEW"},
        }
    )
    context = AdapterContext(
        organisation="Jobcentre Plus",
        service="jobcentre",
        service_kind="jobcentre",
        duty_phone="0800 555 0100",
        base_dir=str(secret_file.parent),
        http=caller,
    )
    return FACTORY.build(settings, context)


@pytest.fixture
def adapter(url: str, caller: TestCaller, secret_file: Path, allocations: Path) -> Adapter:
    return build(url, caller, secret_file, allocations)


@pytest.fixture
def registry(adapter: Adapter) -> BenefitRegistry:
    assert isinstance(adapter.eligibility, BenefitRegistry)
    return adapter.eligibility


def soon() -> Deadline:
    return Deadline.after(10)


def ask(question: Question, benefit: str | None = None, day: date = TODAY) -> EligibilityQuery:
    return EligibilityQuery(question=question, as_of=day, benefit=benefit)


def test_both_its_sources_keep_every_promise_of_the_contract(adapter: Adapter) -> None:
    lines = run(adapter, Samples(known=ASKED))
    assert [(line.name, line.detail) for line in lines if not line.ok] == []
    assert {line.name for line in lines} >= {"involvement: presence", "eligibility: presence"}


class TestInvolvement:
    def test_it_comes_from_the_work_coach_allocation(self, adapter: Adapter) -> None:
        assert adapter.involvement is not None
        (found,) = adapter.involvement.find(ASKED, deadline=soon())
        (work,) = adapter.involvement.involvements(found.ref, deadline=soon())
        assert (work.worker, work.role, work.last_contact_month) == ("Tom Okafor", "Work coach", "2026-06")

    def test_being_in_the_benefit_registry_never_becomes_an_involvement(
        self, adapter: Adapter, registry: BenefitRegistry, caller: TestCaller
    ) -> None:
        claimant = Subject(family_name=GRACE.family_name, birth_date=GRACE.birth_date)
        assert registry.find(claimant, deadline=soon())
        said = len(caller.log)
        assert adapter.involvement is not None
        assert adapter.involvement.find(claimant, deadline=soon()) == ()
        assert len(caller.log) == said


class TestFinding:
    def test_a_record_is_found_by_national_insurance_number_and_described(self, registry: BenefitRegistry) -> None:
        (found,) = registry.find(Subject(nino=DANIEL.nino), deadline=soon())
        assert found.ref == "CLM-000117"
        assert found.person == Subject(
            nino=DANIEL.nino,
            family_name="Hartley",
            given_names="Daniel James",
            birth_date=DANIEL.birth_date,
            gender=Gender.MALE,
            address=Address(postcode="YO7 1AB"),
        )

    def test_a_record_found_in_two_ways_is_one_candidate(self, registry: BenefitRegistry, caller: TestCaller) -> None:
        assert len(registry.find(ASKED, deadline=soon())) == 1
        assert [exchange.url.rpartition("/registry/")[2] for exchange in caller.log[1:]] == ["sync/search"]

    def test_every_namesake_with_the_same_birth_date_is_returned(self, registry: BenefitRegistry) -> None:
        claimant = Subject(family_name="o'hara-smythe", birth_date=GRACE.birth_date)
        assert len(registry.find(claimant, deadline=soon())) == 5

    @pytest.mark.parametrize("subject", [Subject(nino="JT999999A"), Subject(family_name="Hartley"), Subject()])
    def test_a_person_who_is_not_there_is_no_candidate_and_no_error(
        self, registry: BenefitRegistry, subject: Subject
    ) -> None:
        assert registry.find(subject, deadline=soon()) == ()

    def test_more_records_than_may_be_read_are_an_error_not_a_cut_list(
        self, url: str, caller: TestCaller, secret_file: Path, allocations: Path
    ) -> None:
        adapter = build(url, caller, secret_file, allocations, max_records=4)
        assert adapter.eligibility is not None
        with pytest.raises(SourceNonsense, match="more matching records"):
            adapter.eligibility.find(
                Subject(family_name=GRACE.family_name, birth_date=GRACE.birth_date), deadline=soon()
            )


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (ask(Question.KNOWN_TO_SERVICE), Answer.YES),
        (ask(Question.KNOWN_TO_SERVICE, "universal-credit"), Answer.YES),
        (ask(Question.KNOWN_TO_SERVICE, "carers-allowance"), Answer.NO),
        (ask(Question.ENTITLED), Answer.YES),
        (ask(Question.ENTITLED, "universal-credit"), Answer.YES),
        (ask(Question.ENTITLED, "universal-credit", date(2024, 8, 31)), Answer.NO),
        (ask(Question.ENTITLED, "pip"), Answer.YES),
        (ask(Question.ENTITLED, "carers-allowance"), Answer.NO),
        (ask(Question.ENTITLED, "carers-allowance", date(2023, 5, 4)), Answer.YES),
        (ask(Question.ENTITLED, "carers-allowance", date(2023, 5, 5)), Answer.NO),
        (ask(Question.ENTITLED, "a-benefit-not-mapped"), Answer.UNKNOWN),
        (ask(Question.ENTITLED, None, TODAY + timedelta(days=2)), Answer.UNKNOWN),
        (ask(Question.IN_PAYMENT), Answer.YES),
        (ask(Question.IN_PAYMENT, "universal-credit"), Answer.YES),
        (ask(Question.IN_PAYMENT, "pip"), Answer.NO),
        (ask(Question.IN_PAYMENT, "new"), Answer.NO),
    ],
)
def test_a_question_is_answered_with_a_word_and_a_day(
    registry: BenefitRegistry, query: EligibilityQuery, answer: Answer
) -> None:
    assert registry.answer("CLM-000117", query, deadline=soon()) == EligibilityAnswer(answer=answer, as_of=query.as_of)


@pytest.mark.parametrize(
    ("now", "day", "answer"),
    [
        (datetime(2090, 7, 1, 23, 30, tzinfo=UTC), date(2090, 7, 2), Answer.YES),
        (datetime(2090, 7, 1, 23, 30, tzinfo=UTC), date(2090, 7, 3), Answer.UNKNOWN),
        (datetime(2090, 7, 1, 22, 30, tzinfo=UTC), date(2090, 7, 2), Answer.UNKNOWN),
        (datetime(2090, 1, 1, 23, 30, tzinfo=UTC), date(2090, 1, 2), Answer.UNKNOWN),
    ],
)
def test_the_day_that_it_is_in_london_is_no_day_ahead(
    registry: BenefitRegistry, monkeypatch: pytest.MonkeyPatch, now: datetime, day: date, answer: Answer
) -> None:
    class Clock(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    monkeypatch.setattr(days, "datetime", Clock("datetime", (datetime,), {"now": now.astimezone}))
    query = ask(Question.ENTITLED, "universal-credit", day)
    assert registry.answer("CLM-000117", query, deadline=soon()) == EligibilityAnswer(answer=answer, as_of=day)


def test_a_record_that_has_gone_is_unknown(registry: BenefitRegistry) -> None:
    query = ask(Question.ENTITLED)
    assert registry.answer("CLM-999999", query, deadline=soon()).answer is Answer.UNKNOWN


def test_one_token_serves_several_questions(registry: BenefitRegistry, caller: TestCaller) -> None:
    for question in Question:
        registry.answer("CLM-000117", ask(question), deadline=soon())
    assert sum(exchange.url.endswith("/token") for exchange in caller.log) == 1


def test_a_token_that_the_registry_withdrew_is_replaced_once(registry: BenefitRegistry, caller: TestCaller) -> None:
    registry.registry._tokens._cached.token, registry.registry._tokens._cached.until = "withdrawn", 1e12
    assert registry.find(ASKED, deadline=soon())
    assert [exchange.answer.status for exchange in caller.log] == [401, 200, 200]


def test_a_wrong_secret_is_an_outage_that_says_where_to_look(registry: BenefitRegistry, secret_file: Path) -> None:
    secret_file.write_text("another secret")
    with pytest.raises(SourceUnavailable, match="client secret"):
        registry.find(ASKED, deadline=soon())


def test_a_secret_file_that_others_may_read_is_refused(registry: BenefitRegistry, secret_file: Path) -> None:
    secret_file.chmod(0o644)
    with pytest.raises(SourceMisconfigured, match="chmod 600"):
        registry.find(ASKED, deadline=soon())


def test_the_checks_try_the_database_and_the_registry(adapter: Adapter) -> None:
    lines = [line for check in adapter.checks for line in check(deadline=soon())]
    assert {line.name for line in lines} >= {"database", "benefit registry"}
    assert all(line.ok for line in lines)


def test_every_request_and_answer_fits_the_published_schema(
    registry: BenefitRegistry, caller: TestCaller, shared_data: Path
) -> None:
    registry.find(ASKED, deadline=soon())
    for question in Question:
        registry.answer("CLM-000117", ask(question, "universal-credit"), deadline=soon())
    published = PublishedApi(shared_data / "social-protection-dci")
    token, *calls = caller.log
    assert published.token_faults("OAuth2ClientTokenRequest", dict(parse_qsl(token.sent.decode()))) == []
    assert published.token_faults("OAuth2ClientTokenResponse", json.loads(token.answer.body)) == []
    assert len(calls) == 4
    for call in calls:
        path = "/registry/" + call.url.rpartition("/registry/")[2]
        assert published.request_faults(path, json.loads(call.sent)) == []
        assert published.answer_faults(path, json.loads(call.answer.body)) == []
        assert "CLM" not in call.url


Change = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class OtherVendor:
    """Change each search's answers as another vendor would write them."""

    caller: TestCaller
    change: Change

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        answer = self.caller.post(url, headers=headers, body=body, max_bytes=max_bytes, deadline=deadline)
        if not url.endswith("/search"):
            return answer
        document = json.loads(answer.body)
        message = document["message"]
        message["search_response"] = [item | self.change(item) for item in message["search_response"]]
        return replace(answer, body=json.dumps(document).encode())


def records(item: dict[str, Any], *changes: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an answer with a copy of its one record for each of ``changes``, under keys of their own."""
    if not item["data"]["reg_records"]:  # another form of the same number
        return {}
    (record,) = item["data"]["reg_records"]
    copies = []
    for number, change in enumerate(changes):
        person = json.loads(json.dumps(record).replace("CLM-000117", f"CLM-90000{number}"))
        copies.append(person | change)
    return {"data": {"reg_records": copies}}


class TestOtherVendors:
    @pytest.fixture
    def find(self, url: str, caller: TestCaller, files: tuple[Path, Path]) -> Callable[[Change], BenefitRegistry]:
        def built(change: Change) -> BenefitRegistry:
            adapter = build(url, OtherVendor(caller, change), *files, not_registered_codes=["E404"])
            assert isinstance(adapter.eligibility, BenefitRegistry)
            return adapter.eligibility

        return built

    @pytest.mark.parametrize(
        "change",
        [
            {"data": None},
            {"data": {"reg_records": None}},
            {"status": "rjct", "status_reason_code": "E404", "data": None},
            {"status": "rjct", "status_reason_code": "E1", "status_reason_message": "Record not found", "data": None},
        ],
    )
    def test_a_person_who_is_not_registered_is_no_candidate_and_no_error(
        self, find: Callable[[Change], BenefitRegistry], change: dict[str, Any]
    ) -> None:
        assert find(lambda _: {"status": "succ"} | change).find(ASKED, deadline=soon()) == ()

    @pytest.mark.holds("A74")
    @pytest.mark.parametrize(
        "change",
        [
            {"status": "rjct", "status_reason_code": "E500", "data": None},
            {"status": "rjct", "status_reason_code": "E1", "status_reason_message": "Service not found", "data": None},
            {"status": "rcvd", "data": None},
            {"status": "pdng", "data": None},
        ],
    )
    def test_an_outage_is_never_an_absence(
        self, find: Callable[[Change], BenefitRegistry], change: dict[str, Any]
    ) -> None:
        with pytest.raises(SourceUnavailable):
            find(lambda _: change).find(ASKED, deadline=soon())

    @pytest.mark.holds("A74")
    def test_a_record_that_cannot_be_read_leaves_the_others_and_stays_in_doubt(
        self, find: Callable[[Change], BenefitRegistry]
    ) -> None:
        registry = find(lambda item: records(item, {}, {"birth_date": "1990", "birthdate": "x"}, {"identifier": []}))
        found = registry.find(ASKED, deadline=soon())
        assert [(each.ref, "birth_date" in each.unreadable) for each in found] == [
            ("CLM-900000", False),
            ("CLM-900001", True),
            ("", True),
        ]
        with pytest.raises(SourceNonsense, match="identifier"):
            find(lambda item: records(item, {"identifier": []})).find(ASKED, deadline=soon())

    @pytest.mark.parametrize(
        "change",
        [
            {"protected": True, "address": [{"postal_code": "KT21 1JA"}]},
            {"address": [{"postal_code": "KT21 1JA"}, {"protected": "Y"}]},
        ],
    )
    def test_a_member_that_the_settings_name_restricts_the_address(
        self, url: str, caller: TestCaller, files: tuple[Path, Path], change: dict[str, Any]
    ) -> None:
        vendor = OtherVendor(caller, lambda item: records(item, change, {"address": [{"postal_code": "KT21 1JA"}]}))
        adapter = build(url, vendor, *files, address_restricted="protected")
        assert adapter.eligibility is not None
        marked, other = adapter.eligibility.find(ASKED, deadline=soon())
        assert (marked.person.address, marked.person.address_restricted) == (None, True)
        assert other.person.address is not None

    def test_a_number_is_found_with_and_without_its_suffix(self, find: Callable[[Change], BenefitRegistry]) -> None:
        assert ASKED.nino is not None
        bare = Subject(nino=ASKED.nino[:8])
        assert [each.ref for each in find(lambda _: {}).find(bare, deadline=soon())] == ["CLM-000117"]
        everything = replace(ASKED, nino=ASKED.nino[:8])  # more searches than one message carries
        assert [each.ref for each in find(lambda _: {}).find(everything, deadline=soon())] == ["CLM-000117"]

    def test_programmes_that_cannot_be_read_answer_no_question(self, find: Callable[[Change], BenefitRegistry]) -> None:
        registry = find(
            lambda item: {"data": {"reg_records": [each | {"payroll": 1} for each in item["data"]["reg_records"]]}}
        )
        assert registry.find(ASKED, deadline=soon())
        with pytest.raises(SourceNonsense, match="programmes or payments"):
            registry.answer("CLM-000117", ask(Question.ENTITLED), deadline=soon())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("hang", SourceUnavailable),
        ("drip", SourceUnavailable),
        ("nonsense", SourceNonsense),
        ("wrong-schema", SourceNonsense),
    ],
)
def test_a_sick_registry_costs_an_error_within_the_deadline_without_names(
    db: Path, authority: Authority, files: tuple[Path, Path], fault: str, error: type[Exception]
) -> None:
    with running("dci", db, authority, "--fault", fault) as base:
        adapter = build(base, TestCaller(ca=authority.certificate), *files)
        assert adapter.eligibility is not None
        with pytest.raises(error) as caught:
            adapter.eligibility.find(ASKED, deadline=Deadline.after(1.5))
        assert adapter.involvement is not None
        assert adapter.involvement.find(ASKED, deadline=soon())
    for personal in ("artley", "JT518427C", "2004-03-14", "CLM-"):
        assert personal not in str(caught.value)
