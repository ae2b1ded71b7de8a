"""Point 1, scenario S1: eight key workers around one young man, and then one of them silent."""

from time import monotonic
from typing import Final

from gateway.demo.agencies import HOUSING, OTHERS
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.population import Group
from gateway.demo.story.scene import HEADINGS, Scene, table_rows

_QUICK_S: Final = 5.0
"""Within this a stopped node costs nobody else's line; the story is no benchmark."""


def tell(scene: Scene) -> None:
    """Ask about the young man, then ask again with the housing association's node stopped, then start it again."""
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.section("1. S1: eight key workers")
    narrator.say(
        f"{him.name} is seventeen. His key worker at Connecting Families asks, from the case system she always uses: "
        "who else is working with him, and whom do I ring? One request to her own node; the node asks those whom "
        "the agreement lets it ask, three of them within the council."
    )
    narrator.gap()
    found = scene.look_up(him)
    narrator.table(HEADINGS, table_rows(found))
    narrator.gap()
    narrator.say(f"{found.summary}. {found.emergency}", indent=4)
    narrator.expect("8 of 8 services answered", holds=found.summary == "8 of 8 services answered")
    narrator.expect("they are the eight other services of the truth", holds=set(found.answers) == set(OTHERS))
    narrator.expect_each("every worker, number, role and date is the true one", scene.faults(him, found))
    _silence(scene)


def _silence(scene: Scene) -> None:
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.gap()
    with narrator.step(f"stop the node of {HOUSING.name}"):
        scene.federation.stop_node(HOUSING)
    began = monotonic()
    found = scene.look_up(him)
    took = monotonic() - began
    silent = found.answers[CaseService.HOUSING]
    narrator.table(HEADINGS, [row for row in table_rows(found) if row[1] != "known"])
    narrator.say(f"{found.summary}. {silent.get('reason', '')}", indent=4)
    narrator.expect("7 of 8 services answered", holds=found.summary == "7 of 8 services answered")
    narrator.expect(
        "the silent one says no_reply, never not_known", holds=silent["status"] == "no_reply", instead=silent["status"]
    )
    others = scene.faults(him, found)
    others.pop(HOUSING.services[0].name, None)
    narrator.expect_each("the seven others are answered as before", others)
    narrator.expect("its silence kept nobody waiting", holds=took < _QUICK_S, instead=f"{took:.1f} s")
    with narrator.step(f"start the node of {HOUSING.name} again"):
        scene.federation.start_node(HOUSING)
    again = scene.look_up(him)
    narrator.expect("it answers again", holds=again.summary == "8 of 8 services answered", instead=again.summary)
