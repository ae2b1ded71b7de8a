"""Point 1, scenario S1: eight key workers for one young man, then one node stopped."""

from time import monotonic
from typing import Final

from gateway.demo.agencies import HOUSING, OTHERS
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.population import Group
from gateway.demo.story.scene import HEADINGS, Scene, table_rows

_QUICK_S: Final = 5.0
"""The longest that a lookup may take with one node stopped; the story is no benchmark."""


def tell(scene: Scene) -> None:
    """Ask about the young man with all nodes running, with one stopped, and with it started again."""
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.section("1. S1: eight key workers")
    narrator.say(
        f"{him.name} is seventeen. His key worker at Connecting Families asks from her usual case system: who else "
        "works with him, and on which telephone number? She sends one request to her own node. The node asks the "
        "services that the agreement lets it ask, three of them within the council."
    )
    narrator.gap()
    lookup = scene.look_up(him)
    narrator.table(HEADINGS, table_rows(lookup))
    narrator.gap()
    narrator.say(f"{lookup.summary}. {lookup.emergency}", indent=4)
    narrator.expect("8 of 8 services answered", holds=lookup.summary == "8 of 8 services answered")
    narrator.expect("they are the eight other services of the truth", holds=set(lookup.rows) == set(OTHERS))
    narrator.expect_each("every worker, number, role and date is the true one", scene.faults(him, lookup))
    _stop_one_node(scene)


def _stop_one_node(scene: Scene) -> None:
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.gap()
    with narrator.step(f"stop the node of {HOUSING.name}"):
        scene.federation.stop_node(HOUSING)
    began = monotonic()
    lookup = scene.look_up(him)
    duration = monotonic() - began
    housing = lookup.rows[CaseService.HOUSING]
    narrator.table(HEADINGS, [row for row in table_rows(lookup) if row[1] != "known"])
    narrator.say(f"{lookup.summary}. {housing.get('reason', '')}", indent=4)
    narrator.expect("7 of 8 services answered", holds=lookup.summary == "7 of 8 services answered")
    narrator.expect(
        "the stopped one is no_reply, never not_known", holds=housing["status"] == "no_reply", instead=housing["status"]
    )
    others = scene.faults(him, lookup)
    others.pop(HOUSING.services[0].name, None)
    narrator.expect_each("the seven others answer as before", others)
    narrator.expect("the others did not wait for it", holds=duration < _QUICK_S, instead=f"{duration:.1f} s")
    with narrator.step(f"start the node of {HOUSING.name} again"):
        scene.federation.start_node(HOUSING)
    lookup = scene.look_up(him)
    narrator.expect("it answers again", holds=lookup.summary == "8 of 8 services answered", instead=lookup.summary)
