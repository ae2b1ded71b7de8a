"""Point 5: three more residents, picked by the seed, and a twin pair that must not be linked."""

from random import Random

from gateway.demo.agencies import hosted
from gateway.demo.people.population import Group
from gateway.demo.people.truth import Person
from gateway.demo.story.scene import HEADINGS, Lookup, Scene, table_rows


def tell(scene: Scene) -> None:
    """Look each of them up and compare every line with the truth."""
    narrator = scene.narrator
    narrator.section(f"5. Three more residents and a pair of twins (--seed {scene.seed})")
    dice = Random(scene.seed)  # noqa: S311 - who is asked about
    for group, count in ((Group.EIGHT, "eight"), (Group.THREE, "three"), (Group.NONE, "none")):
        person = dice.choice(scene.truth.of(group))
        found = scene.look_up(person)
        narrator.say(f"{person.name} is known to {count} of the others.")
        _table(scene, found)
        narrator.expect_each("every line is what the truth says", scene.faults(person, found))
        narrator.gap()
    one = dice.choice(scene.truth.of(Group.TWIN))
    _twins(scene, one, scene.truth.people[one.pair or 0])


def _twins(scene: Scene, one: Person, other: Person) -> None:
    narrator = scene.narrator
    narrator.say(
        f"{one.name} and {other.name} are twins: one birth date, one family name, one home. Each service knows only "
        "one of them. Both are asked about."
    )
    found, reverse = scene.look_up(one), scene.look_up(other)
    rows = [
        (hosted(service).name, _known_one(service in one.works, one, other), line["status"], back["status"])
        for (service, line), back in zip(found.answers.items(), reverse.answers.values(), strict=True)
    ]
    narrator.table(("service", "truly knows", f"asked about {_first(one)}", f"asked about {_first(other)}"), rows)
    narrator.gap()
    narrator.expect_each(f"every line about {_first(one)} is what the truth allows", scene.faults(one, found))
    narrator.expect_each(f"every line about {_first(other)} is what the truth allows", scene.faults(other, reverse))
    linked = {
        hosted(service).name: ["both were said to be known"]
        if (line["status"], reverse.answers[service]["status"]) == ("known", "known")
        else []
        for service, line in found.answers.items()
    }
    narrator.expect_each("no service took one for the other; where it could not tell, a human decides", linked)


def _known_one(is_first: bool, one: Person, other: Person) -> str:  # noqa: FBT001 - which of two
    return _first(one if is_first else other)


def _first(person: Person) -> str:
    return person.name.split()[0]


def _table(scene: Scene, found: Lookup) -> None:
    known = [row for row in table_rows(found) if row[1] == "known"]
    rest: dict[str, list[str]] = {}
    for service, status in found.statuses().items():
        if status != "known":
            rest.setdefault(status, []).append(hosted(service).name)
    if known:
        scene.narrator.table(HEADINGS, known)
    for status, names in rest.items():
        scene.narrator.say(f"{status}: {', '.join(names)}", indent=4)
