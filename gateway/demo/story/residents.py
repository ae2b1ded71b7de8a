"""Point 5: three more residents, picked by the seed, and twins that no service may link."""

from random import Random

from gateway.demo.agencies import hosted_service
from gateway.demo.people.population import Group
from gateway.demo.people.truth import Person
from gateway.demo.story.scene import HEADINGS, Lookup, Scene, table_rows


def tell(scene: Scene) -> None:
    """Look up each of them and compare each row with the truth."""
    narrator = scene.narrator
    narrator.section(f"5. Three more residents and a pair of twins (--seed {scene.seed})")
    dice = Random(scene.seed)  # noqa: S311 - who is asked about
    for group, count in ((Group.EIGHT, "eight"), (Group.THREE, "three"), (Group.NONE, "none")):
        person = dice.choice(scene.truth.of(group))
        lookup = scene.look_up(person)
        narrator.say(f"{person.name} is known to {count} of the others.")
        _table(scene, lookup)
        narrator.expect_each("every row agrees with the truth", scene.faults(person, lookup))
        narrator.gap()
    one = dice.choice(scene.truth.of(Group.TWIN))
    _twins(scene, one, scene.truth.people[one.pair or 0])


def _twins(scene: Scene, one: Person, other: Person) -> None:
    narrator = scene.narrator
    narrator.say(
        f"{one.name} and {other.name} are twins with one birth date, family name and home. Each service knows only "
        "one of them. The key worker asks about both."
    )
    lookup, other_lookup = scene.look_up(one), scene.look_up(other)
    rows = [
        (hosted_service(service).name, _first(one if service in one.works else other), row["status"], back["status"])
        for (service, row), back in zip(lookup.rows.items(), other_lookup.rows.values(), strict=True)
    ]
    narrator.table(
        ("service", "knows in truth", f"question about {_first(one)}", f"question about {_first(other)}"), rows
    )
    narrator.gap()
    narrator.expect_each(f"every row about {_first(one)} agrees with the truth", scene.faults(one, lookup))
    narrator.expect_each(f"every row about {_first(other)} agrees with the truth", scene.faults(other, other_lookup))
    links = {
        hosted_service(service).name: ["both are known"]
        if (row["status"], other_lookup.rows[service]["status"]) == ("known", "known")
        else []
        for service, row in lookup.rows.items()
    }
    narrator.expect_each("no service confused the twins; a doubtful match goes to a human", links)


def _first(person: Person) -> str:
    return person.name.split()[0]


def _table(scene: Scene, lookup: Lookup) -> None:
    known_rows = [row for row in table_rows(lookup) if row[1] == "known"]
    rest: dict[str, list[str]] = {}
    for service, status in lookup.statuses().items():
        if status != "known":
            rest.setdefault(status, []).append(hosted_service(service).name)
    if known_rows:
        scene.narrator.table(HEADINGS, known_rows)
    for status, names in rest.items():
        scene.narrator.say(f"{status}: {', '.join(names)}", indent=4)
