"""A message that is lost inside a case system, without an error anywhere, and found by the reconciliation."""

from typing import Final

from gateway.demo.agencies import HOUSING
from gateway.demo.case_system_setup import intake_tables
from gateway.demo.commands import hearthgate, run_together
from gateway.demo.story.incident import RECIPIENTS
from gateway.demo.story.incident_page import ARRIVED, IncidentPage

_STEP: Final = "rehousing"
_SOMETHING_IS_LOST: Final = 1


def lose_and_find(page: IncidentPage) -> None:
    """Delete the referral's row behind the node's back, and compare the node's messages with the case system."""
    scene, narrator, service = page.scene, page.scene.narrator, RECIPIENTS[_STEP]
    before = page.deliveries()[_STEP]["state"]
    count = intake_tables()[service].lose(scene.systems.intakes[service])
    narrator.gap()
    narrator.say(
        f"A tidy-up inside {HOUSING.name}'s own system deletes the row of the referral. There is no error anywhere, "
        "and the key worker's page still says that it arrived. Every node asks its case systems once a day; here it is "
        "asked at once:"
    )
    with narrator.step("compare what the landlord's node accepted with what its case system has"):
        command = hearthgate("delivery", "reconcile", "--config", scene.federation.config(HOUSING.slug))
        (output,) = run_together([command], exit_code=_SOMETHING_IS_LOST)
        after = page.wait(lambda steps: steps[_STEP]["state"] == "failed")[_STEP]
    narrator.show(*output.strip().splitlines())
    narrator.expect(
        "the loss is found, and the key worker's page says so",
        holds=(count, before, after["state"]) == (1, ARRIVED, "failed"),
        instead=(count, before, after["state"], after.get("reason")),
    )
    narrator.say(
        f"Her page: {after['state']}, {after.get('reason', '')}. {after.get('advice', '')} The landlord's node still "
        "has the sealed message, so its duty officer can read it there and act.",
        indent=4,
    )
