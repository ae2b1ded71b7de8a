"""The key worker's page of the incident: every step with its recipient, its state and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Final

from gateway.demo.processes import DemoError
from gateway.demo.story.incident import RECIPIENTS, Family, incident_body
from gateway.demo.story.incident_preview import PLAY_PATH
from gateway.demo.story.scene import Scene
from gateway.plays.case_api import INCIDENTS_PATH

HEADINGS: Final = ("step", "to", "reference", "state", "outcome")
ARRIVED: Final = "in_case_system"
_CREATED: Final = 201
_OK: Final = 200
_POLL_S: Final = 0.2

Delivery = Mapping[str, Any]
"""One recipient of one step, as the case API returns it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPage:
    """The page of one run of the play."""

    scene: Scene
    incident: str

    def deliveries(self) -> Mapping[str, Delivery]:
        """Read the page now; return the delivery of each step."""
        response = self.scene.federation.case_client.send("GET", f"{INCIDENTS_PATH}/{self.incident}")
        if response.status != _OK:
            raise DemoError(f"The incident's page failed with {response.status}: {response.body.decode()}")
        submissions = response.document["submissions"]
        by_step = {each["play"]["step"]: each["deliveries"][0] for each in submissions}
        return {step: by_step[step] for step in RECIPIENTS}

    def wait(
        self, is_done: Callable[[Mapping[str, Delivery]], bool], *, within_s: float = 30.0
    ) -> Mapping[str, Delivery]:
        """Read the page until it shows what is waited for, or the time is over; return it as it is then."""
        deadline = monotonic() + within_s
        while True:
            deliveries = self.deliveries()
            if is_done(deliveries) or monotonic() > deadline:
                return deliveries
            sleep(_POLL_S)

    def show(self, deliveries: Mapping[str, Delivery]) -> None:
        """Write the page as a table."""
        rows = [
            (step, each["service_name"], each["reference"], each["state"], _outcome(each))
            for step, each in deliveries.items()
        ]
        self.scene.narrator.table(HEADINGS, rows)


def send_incident(scene: Scene, people: Family, consent: str) -> IncidentPage:
    """Confirm every step of the play on the mother's consent, and return the page of the run."""
    body = incident_body(people, consent=consent)
    steps = [step["id"] for step in scene.federation.case_client.send("GET", PLAY_PATH).document["steps"]]
    response = scene.federation.case_client.send(
        "POST", f"{PLAY_PATH}/runs", {**body, "steps": dict.fromkeys(steps, "send")}
    )
    if response.status != _CREATED:
        raise DemoError(f"The incident was not sent ({response.status}): {response.body.decode()}")
    return IncidentPage(scene=scene, incident=response.document["id"])


def states_of(deliveries: Mapping[str, Delivery]) -> dict[str, str]:
    """Return the state of each step."""
    return {step: str(each["state"]) for step, each in deliveries.items()}


def _outcome(delivery: Delivery) -> str:
    last = (delivery.get("outcomes") or [{}])[-1]
    words = [str(last[name]) for name in ("outcome", "result", "reason") if last.get(name)]
    return ": ".join(words)
