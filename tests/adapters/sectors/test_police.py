"""The police adapter against the real service: SOAP over TLS in a process of its own."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

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
from adapters.sectors.police import FACTORY, INVOLVEMENT, NAMESPACE, SCHEMA, PoliceService, PoliceSettings
from adapters.sources.soap_xml import Addressing, build_envelope, open_envelope
from adapters.sources.xml import load_schema, parse, validate
from gateway.demo.case_systems import police_soap
from gateway.demo.case_systems.records import CaseService
from tests.support.case_systems import running
from tests.support.http import TestCaller
from tests.support.people import DANIEL, GRACE, involvement
from tests.support.tls import Authority, make_authority
from trust.exchange.person import Address, Gender, Name, Subject

PASSWORD = "a long and random password"
CAP = 1024 * 1024


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("police") / "records.db"
    twins = [
        involvement(CaseService.POLICE, resident=GRACE, local_id=f"P-20{number:02}", worker=f"Officer {number}")
        for number in range(4)
    ]
    records = [
        involvement(CaseService.POLICE, local_id="P-1001", worker="PC 4417 Ellis", since=date(2025, 1, 9)),
        involvement(
            CaseService.POLICE,
            local_id="P-1001",
            worker="DC 2203 Marsh",
            since=date(2025, 5, 1),
            last_contact=date(2026, 7, 2),
        ),
        involvement(CaseService.POLICE, local_id="P-1001", worker="PC 0001 Gone", ended=date(2025, 6, 1)),
        *twins,
    ]
    police_soap.create(path, records, accounts={"hearthgate": PASSWORD})
    return path


@pytest.fixture(scope="module")
def url(db: Path, authority: Authority) -> Iterator[str]:
    with running("police", db, authority) as base:
        yield base + "/involvement"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "police.secret"
    path.touch(mode=0o600)
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture
def caller(authority: Authority) -> TestCaller:
    return TestCaller(ca=authority.certificate)


def service(url: str, caller: HttpCaller, password_file: Path, **changes: object) -> PoliceService:
    values = {"url": url, "sender": "council.example", "user": "hearthgate", "password_file": password_file.name}
    settings = PoliceSettings.model_validate(values | changes)
    context = AdapterContext(
        organisation="North Moor Police",
        service="police",
        service_kind="police",
        duty_phone="101",
        base_dir=str(password_file.parent),
        http=caller,
    )
    adapter = FACTORY.build(settings, context)
    assert adapter.eligibility is None
    assert isinstance(adapter.involvement, PoliceService)
    return adapter.involvement


@pytest.fixture
def police(url: str, caller: TestCaller, password_file: Path) -> PoliceService:
    return service(url, caller, password_file)


def soon() -> Deadline:
    return Deadline.after(10)


def test_it_keeps_every_promise_of_the_contract(police: PoliceService) -> None:
    known = Subject(pnc_id=DANIEL.pnc_id, family_name="Hartley", birth_date=DANIEL.birth_date)
    lines = run(Adapter(name="police-soap", involvement=police, checks=(police.check,)), Samples(known=known))
    assert [(line.name, line.detail) for line in lines if not line.ok] == []


def test_a_record_is_found_by_its_pnc_id_and_described(police: PoliceService) -> None:
    (found,) = police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())
    assert found.ref == "P-1001"
    assert found.person == Subject(
        pnc_id="2021/0001234K",
        family_name="HARTLEY",
        given_names="Daniel James",
        birth_date=date(2004, 3, 14),
        gender=Gender.MALE,
        address=Address(postcode="YO7 1AB"),
    )
    assert not found.identifiers_verified


def test_a_record_is_found_by_surname_and_birth_date_in_any_case(police: PoliceService) -> None:
    subject = Subject(family_name="hartley", given_names="Dan", birth_date=date(2004, 3, 14))
    assert [item.ref for item in police.find(subject, deadline=soon())] == ["P-1001"]


def test_every_namesake_with_the_same_birth_date_is_returned(police: PoliceService) -> None:
    subject = Subject(family_name="O'Hara-Smythe", birth_date=date(1988, 11, 2))
    assert len(police.find(subject, deadline=soon())) == 4


@pytest.mark.parametrize(
    "subject",
    [
        Subject(pnc_id="2015/0007771Z"),
        Subject(family_name="Hartley", birth_date=date(1999, 1, 1)),
        Subject(family_name="Hartley"),
        Subject(nhs_number=DANIEL.nhs_number),
    ],
)
def test_a_person_who_is_not_there_is_no_candidate_and_no_error(police: PoliceService, subject: Subject) -> None:
    assert police.find(subject, deadline=soon()) == ()


def test_current_involvements_come_most_recent_first_and_closed_ones_not_at_all(police: PoliceService) -> None:
    first, second = police.involvements("P-1001", deadline=soon())
    assert (first.worker, first.since, first.last_contact_month) == ("DC 2203 Marsh", date(2025, 5, 1), "2026-07")
    assert (second.worker, second.last_contact_month) == ("PC 4417 Ellis", "2026-06")
    assert (first.organisation, first.service_type, first.role) == (
        "North Moor Police",
        "Neighbourhood Policing",
        "Key worker",
    )
    assert (first.phone, first.duty_phone) == ("01609 555 0101", "101")


def test_a_record_that_has_gone_has_no_involvements(police: PoliceService) -> None:
    assert police.involvements("P-9999", deadline=soon()) == ()


def test_every_document_on_the_wire_fits_the_schema_and_no_url_names_anyone(
    police: PoliceService, caller: TestCaller
) -> None:
    police.find(Subject(pnc_id=DANIEL.pnc_id, family_name="Hartley", birth_date=DANIEL.birth_date), deadline=soon())
    police.involvements("P-1001", deadline=soon())
    schema = load_schema(SCHEMA)
    assert len(caller.log) == 2
    for exchange in caller.log:
        for raw in (exchange.sent, exchange.answer.body):
            assert validate(open_envelope(raw, max_bytes=CAP).body, schema) == ()
        assert exchange.url.endswith("/involvement")


def test_a_search_brings_no_involvements_with_it(police: PoliceService, caller: TestCaller) -> None:
    police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())
    assert b"Ellis" not in caller.log[-1].answer.body


def test_more_records_than_may_be_read_are_an_error_not_a_cut_list(
    url: str, caller: TestCaller, password_file: Path
) -> None:
    police = service(url, caller, password_file, max_records=3)
    with pytest.raises(SourceNonsense, match="more matching records"):
        police.find(Subject(family_name="O'Hara-Smythe", birth_date=date(1988, 11, 2)), deadline=soon())


def test_a_name_that_xml_cannot_carry_is_refused_without_repeating_it(police: PoliceService) -> None:
    with pytest.raises(SourceNonsense) as caught:
        police.find(Subject(family_name="Hart\x01ley", birth_date=date(2004, 3, 14)), deadline=soon())
    assert "Hart" not in str(caught.value)


def test_a_wrong_password_is_an_outage_that_says_where_to_look(police: PoliceService, password_file: Path) -> None:
    password_file.write_text("wrong")
    with pytest.raises(SourceUnavailable, match="password"):
        police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())


def test_a_password_file_that_others_may_read_is_refused(police: PoliceService, password_file: Path) -> None:
    password_file.chmod(0o640)
    with pytest.raises(SourceMisconfigured, match="chmod 600"):
        police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())


def test_a_service_with_another_authoritys_certificate_is_not_spoken_to(
    url: str, tmp_path: Path, password_file: Path
) -> None:
    stranger = TestCaller(ca=make_authority(tmp_path).certificate)
    with pytest.raises(SourceUnavailable):
        service(url, stranger, password_file).find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())


def test_the_check_says_that_the_service_answers(police: PoliceService) -> None:
    (line,) = police.check(deadline=soon())
    assert line.ok


def test_the_check_says_why_the_service_does_not_answer(caller: TestCaller, password_file: Path) -> None:
    (line,) = service("https://127.0.0.1:1/involvement", caller, password_file).check(deadline=soon())
    assert not line.ok
    assert line.remedy


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("hang", SourceUnavailable),
        ("drip", SourceUnavailable),
        ("nonsense", SourceNonsense),
        ("wrong-schema", SourceNonsense),
    ],
)
def test_a_sick_service_costs_an_error_within_the_deadline_without_names(
    db: Path, authority: Authority, caller: TestCaller, password_file: Path, fault: str, error: type[Exception]
) -> None:
    with running("police", db, authority, "--fault", fault) as base:
        police = service(base + "/involvement", caller, password_file)
        deadline = Deadline.after(1.5)
        with pytest.raises(error) as caught:
            police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=deadline)
    for secret in ("artley", "ARTLEY", "0001234", "P-1001"):
        assert secret not in str(caught.value)


def test_a_slow_service_is_waited_for_within_the_deadline(
    db: Path, authority: Authority, caller: TestCaller, password_file: Path
) -> None:
    with running("police", db, authority, "--delay-ms", "150", "300", "--seed", "7") as base:
        police = service(base + "/involvement", caller, password_file)
        deadline = Deadline.after(5)
        assert police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=deadline)
        assert deadline.remaining_s() < 4.85


class Canned:
    """A caller that answers every question with the same persons, in a message that is right in all else."""

    def __init__(self, persons: str) -> None:
        self.persons = persons

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        asked = open_envelope(body, max_bytes=CAP).addressing
        response = (
            f'<i:PersonInvolvementResponse xmlns:i="{NAMESPACE}"><run_date>2026-06-01T10:00:00Z</run_date>'
            f"<more>false</more><persons>{self.persons}</persons></i:PersonInvolvementResponse>"
        )
        document = parse(response.encode(), max_bytes=CAP)
        assert validate(document, load_schema(SCHEMA)) == ()
        addressing = Addressing(action=INVOLVEMENT.answer_action, relates_to=asked.message_id)
        return HttpResponse(
            status=200, headers={"Content-Type": "application/soap+xml"}, body=build_envelope(addressing, document)
        )


def person(ref: str, rest: str = "") -> str:
    return f"<person><record_id>{ref}</record_id><name_elements><surname>Stone</surname></name_elements>{rest}</person>"


@pytest.mark.parametrize("dob", ["31/02/2001", "01/01/2999"])
def test_a_day_that_no_one_was_born_on_costs_itself_alone_and_is_named(password_file: Path, dob: str) -> None:
    canned = Canned(person("A", f"<dob>{dob}</dob>") + person("B", "<dob>14/03/2004</dob>"))
    police = service("https://p.example/", canned, password_file)
    found = police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())
    assert [(each.ref, each.person.birth_date, each.unreadable) for each in found] == [
        ("A", None, {"birth_date"}),
        ("B", date(2004, 3, 14), frozenset()),
    ]


def test_a_day_of_an_involvement_that_no_calendar_has_does_not_cost_the_officer(password_file: Path) -> None:
    given = (
        "<involvements><involvement><unit>North</unit><role>Officer in the case</role><officer>PC 1 Ash</officer>"
        "<start_date>31/02/2025</start_date><last_contact>01/06/2026</last_contact></involvement></involvements>"
    )
    police = service("https://p.example/", Canned(person("A", given)), password_file)
    (work,) = police.involvements("A", deadline=soon())
    assert (work.worker, work.since, work.last_contact_month) == ("PC 1 Ash", None, "2026-06")


@pytest.mark.parametrize("pcode", ["BFPO 57", "ZZ99 3VZ", "D02 X285", "", "not known"])
def test_a_code_that_is_no_postcode_does_not_cost_the_answer(password_file: Path, pcode: str) -> None:
    canned = Canned(person("A", f"<pcode>{pcode}</pcode>") + person("B"))
    police = service("https://p.example/", canned, password_file)
    assert [each.ref for each in police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())] == ["A", "B"]


@pytest.mark.parametrize(("said", "restricted"), [("true", True), ("1", True), ("false", False), (" 0 ", False)])
def test_a_restricted_postcode_is_not_read(password_file: Path, said: str, restricted: bool) -> None:
    written = f"<pcode>KT21 1JA</pcode><pcode_restricted>{said}</pcode_restricted>"
    police = service("https://p.example/", Canned(person("A", written)), password_file)
    (found,) = police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())
    assert found.person.address_restricted is restricted
    assert (found.person.address is None) is restricted


def test_another_record_than_the_one_asked_for_is_nonsense(password_file: Path) -> None:
    police = service("https://p.example/", Canned(person("B")), password_file)
    with pytest.raises(SourceNonsense, match="another record"):
        police.involvements("A", deadline=soon())


def test_more_records_than_were_asked_for_are_nonsense(password_file: Path) -> None:
    canned = Canned("".join(person(f"R{number}") for number in range(4)))
    police = service("https://p.example/", canned, password_file, max_records=3)
    with pytest.raises(SourceNonsense, match="more records"):
        police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())


def test_former_names_become_aliases(password_file: Path) -> None:
    aliases = "<alias_elements><forename1>Ann</forename1><surname>Wood</surname></alias_elements><sex>N</sex>"
    police = service("https://p.example/", Canned(person("A", aliases)), password_file)
    (found,) = police.find(Subject(pnc_id=DANIEL.pnc_id), deadline=soon())
    assert found.person.aliases == (Name(family_name="Wood", given_names="Ann"),)
    assert found.person.gender is Gender.UNKNOWN
