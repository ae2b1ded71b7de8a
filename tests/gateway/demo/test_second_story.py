"""The second story's parts: its play keeps to its agreement, and its case systems take what a receiver writes."""

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from adapters.contract import AdapterContext, Deadline, DeliveredMessage, HttpResponse
from adapters.receivers import drop_folder, sql_insert
from config.plays import PlayStep, load_plays
from gateway.demo import agreement
from gateway.demo.agencies import RESPONDERS
from gateway.demo.case_system_setup import intake_tables
from gateway.demo.case_systems import intake
from gateway.demo.duty_desk import IdentityProvider
from gateway.demo.people import generator, truth
from gateway.demo.people.population import Population
from gateway.demo.people.truth import Truth
from gateway.demo.story.incident import family, incident_body
from gateway.plays.incident import IncidentBody, read_incident, step_part
from gateway.plays.kinds import STEP_KINDS
from trust import strict_json
from trust.agreements.agreement import parse_agreement
from trust.exchange.persons import Part
from trust.identifiers import RoleCode

TODAY = date(2026, 11, 23)
(PLAY,) = load_plays(agreement.PLAY.parent)


@pytest.mark.parametrize("step", PLAY.steps, ids=lambda step: str(step.id))
def test_a_step_takes_only_what_its_clause_grants_the_key_worker(step: PlayStep) -> None:
    parsed = parse_agreement(agreement.document(TODAY, agreement.DOMESTIC_ABUSE))
    clauses = {str(clause.id): clause for clause in parsed.clauses}
    clause = clauses[str(step.clause)]
    assert step.to in {str(holder) for holder in clause.holders}
    assert (step.kind, step.purpose) == (clause.kind, clause.purpose)
    assert step.fields <= clause.fields_by_role[RoleCode(agreement.KEY_WORKER)]


class _NoNetwork:
    def post(self, url: str, **_arguments: object) -> HttpResponse:
        raise AssertionError(url)


def _context(folder: Path) -> AdapterContext:
    return AdapterContext(
        organisation="Thornmere Homes",
        service="housing",
        service_kind="housing",
        duty_phone="01632 960 008",
        base_dir=str(folder),
        http=_NoNetwork(),
    )


MESSAGE = DeliveredMessage(
    message_id="kx3v9d",
    kind="referral",
    topic="rehousing",
    urgency="amber",
    received_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
    from_agency="Thornmere Council",
    from_service="https://council.example#connecting-families",
    to_service="https://housing.example#housing",
    reference="HG-4T9QX2MB",
    document={
        "persons": [{"ref": "p1", "part": "victim", "subject": {"family_name": "Hazelcroft"}}],
        "details": {"areas_at_risk": ["ZE7", "ZE8"]},
        "statements": [{"field": "reason", "text": "They cannot go back.", "about": ["p1"]}],
    },
)


@pytest.mark.parametrize(("service", "table"), intake_tables().items(), ids=str)
def test_a_case_system_takes_a_message_proves_it_and_no_more_once_it_is_lost(
    service: str, table: intake.Intake, tmp_path: Path
) -> None:
    path = tmp_path / f"{service}.db"
    table.create(path)
    settings = sql_insert.SqlInsertSettings.model_validate(table.settings(path))
    receiver = sql_insert.FACTORY.build(settings, _context(tmp_path)).receiver
    assert receiver is not None
    receiver.receive(MESSAGE, deadline=Deadline.after(5))
    assert table.messages(path) == {MESSAGE.message_id: MESSAGE.document}
    assert receiver.holds([MESSAGE.message_id], deadline=Deadline.after(5)) == {MESSAGE.message_id}
    assert table.lose(path) == 1
    assert receiver.holds([MESSAGE.message_id], deadline=Deadline.after(5)) == frozenset()


def test_the_college_acknowledges_a_notice_by_importing_it(tmp_path: Path) -> None:
    folder = tmp_path / "notices"
    intake.create_drop_folder(folder)
    settings = drop_folder.DropFolderSettings.model_validate(intake.drop_folder_settings(folder))
    receiver = drop_folder.FACTORY.build(settings, _context(tmp_path)).receiver
    assert receiver is not None
    receiver.receive(MESSAGE, deadline=Deadline.after(5))
    assert receiver.holds([MESSAGE.message_id], deadline=Deadline.after(5)) == frozenset()
    assert len(intake.import_notices(folder)) == 1
    assert receiver.holds([MESSAGE.message_id], deadline=Deadline.after(5)) == {MESSAGE.message_id}
    assert intake.imported_notices(folder) == {MESSAGE.message_id: MESSAGE.document}


def test_each_duty_desk_has_its_own_client_at_the_sign_in_service(tmp_path: Path) -> None:
    clients = [IdentityProvider(tmp_path, agency).settings()["clients"] for agency in RESPONDERS]
    names = [name for each in clients for name in each]
    assert len(names) == len(set(names)) == 6


def test_the_incident_has_what_each_step_needs_and_only_the_police_get_words_about_the_partner() -> None:
    population = generator.generate_population(TODAY, size=600)
    people = family(in_memory(population))
    now = datetime.now(UTC)
    _, read = read_incident(IncidentBody, strict_json.dumps(incident_body(people, consent=None)), play=PLAY, now=now)
    parts = {step.id: step_part(step, STEP_KINDS, read) for step in PLAY.steps}
    assert [part.faults for part in parts.values()] == [()] * len(PLAY.steps)
    told = {
        name for name, part in parts.items() if any(person.part is Part.ALLEGED_PERPETRATOR for person in part.persons)
    }
    assert told == {"police"}
    assert all(part.body is not None and part.body.to_body()["statements"] for part in parts.values())


def in_memory(population: Population) -> Truth:
    """Return the truth without a file."""
    with TemporaryDirectory() as folder:
        truth.write(Path(folder) / "truth.json", population)
        return truth.read(Path(folder) / "truth.json")
