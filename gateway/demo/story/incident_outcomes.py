"""The decisions of the recipients: polled, read, closed, accepted, and declined with an alternative."""

import json
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, sleep
from typing import Any, Final

from gateway.demo.agencies import ReceivingService, hosted_service, service_ref
from gateway.demo.agreement import FAMILY_RECOVERY
from gateway.demo.duty_desk import REFERRALS_PATH
from gateway.demo.processes import DemoError
from gateway.demo.story.incident import RECIPIENTS, Family, incident_body
from gateway.demo.story.incident_page import Delivery, IncidentPage
from gateway.demo.story.received import polled_folder
from gateway.demo.story.scene import Scene
from gateway.web.inbox_routes import INBOX_PATH

DECLINED: Final = "essentials"
ALTERNATIVE: Final = {"service_type": "essentials", "service": service_ref(ReceivingService.ADVOCACY)}
DECISIONS: Final[Mapping[str, Sequence[dict[str, Any]]]] = {
    "police": ({"closed": "useful"},),
    "advocacy": ({"status": "accepted"}, {"status": "completed", "outcome": "advocate-assigned"}),
    "school-notice": ({"closed": "useful"},),
    "school-move": ({"status": "accepted"}, {"status": "completed", "outcome": "place-offered"}),
    "rehousing": ({"status": "accepted"}, {"status": "completed", "outcome": "tenancy-offered"}),
    DECLINED: (
        {
            "status": "declined",
            "reason": "The fund pays for one item in twelve months.",
            "declined_by": "welfare-officer",
            "alternative": ALTERNATIVE,
        },
    ),
}
"""What each duty desk decides, one answer after the other."""
_FRIDGE: Final = ({"status": "accepted"}, {"status": "completed", "outcome": "delivered"})
_WITHIN_S: Final = 30.0
_POLL_S: Final = 0.2
_CREATED: Final = 201
_OK: Final = 200


def poll_charity(scene: Scene) -> int:
    """Fetch what waits for the charity as its case system does, keep it there, and acknowledge it; return how many."""
    client, folder = scene.federation.charity_client, polled_folder(scene.federation.root, ReceivingService.ADVOCACY)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting = [each for each in client.send("GET", INBOX_PATH).document["items"] if each["case_state"] == "waiting"]
    for each in waiting:
        path = f"{INBOX_PATH}/{each['id']}"
        document = client.send("GET", path).document["document"]
        (folder / f"{each['reference']}.json").write_text(json.dumps(document), "utf-8")
        response = client.send("POST", f"{path}/acknowledge", {})
        if response.status != _OK:
            raise DemoError(f"The charity could not acknowledge ({response.status}): {response.body.decode()}")
    return len(waiting)


def decide(page: IncidentPage) -> Mapping[str, Delivery]:
    """Have the person on duty for each step sign in, read the message and decide; return the page with the outcomes."""
    for step, answers in DECISIONS.items():
        _decide_one(page.scene, step, answers)
    return page.wait(lambda steps: all(_is_shown(steps[step], answers) for step, answers in DECISIONS.items()))


def show_outcomes(page: IncidentPage, deliveries: Mapping[str, Delivery]) -> None:
    """Show the page, and compare every outcome with what the desks decided."""
    narrator = page.scene.narrator
    narrator.gap()
    page.show(deliveries)
    narrator.gap()
    narrator.expect_each(
        "every message was read by a person who signed in, and its outcome is on the key worker's page",
        {step: _faults(deliveries[step], answers) for step, answers in DECISIONS.items()},
    )
    declined = deliveries[DECLINED]["outcomes"][-1]
    narrator.expect(
        "the one that was declined says who declined, why, and what is offered instead",
        holds=(declined["outcome"], declined.get("declined_by"), declined.get("alternative"))
        == ("declined", "welfare-officer", ALTERNATIVE)
        and bool(declined.get("reason")),
        instead=declined,
    )


def refer_to_alternative(scene: Scene, people: Family) -> None:
    """Refer the mother to the service that was offered instead, and see the fridge delivered."""
    narrator, client = scene.narrator, scene.federation.case_client
    with narrator.step("she refers the fridge to the charity; its system polls, and it says yes"):
        response = client.send("POST", REFERRALS_PATH, _referral(people))
        if response.status != _CREATED:
            raise DemoError(f"The referral failed with {response.status}: {response.body.decode()}")
        path = f"{REFERRALS_PATH}/{response.document['id']}"
        _wait(scene, path, lambda delivery: delivery["state"] == "stored")
        poll_charity(scene)
        _decide_one(scene, "advocacy", _FRIDGE)
        last = _wait(scene, path, lambda delivery: _is_shown(delivery, _FRIDGE))
    narrator.expect(
        f"{hosted_service(ReceivingService.ADVOCACY).name} delivers the fridge",
        holds=_is_shown(last, _FRIDGE) and last["outcomes"][-1].get("result") == "delivered",
        instead=last,
    )


def _decide_one(scene: Scene, step: str, answers: Sequence[dict[str, Any]]) -> None:
    desk = scene.federation.desks[RECIPIENTS[step]]
    desk.sign_in()
    (message,) = desk.open_messages()
    desk.read(message["id"])
    for answer in answers:
        desk.decide(message["id"], answer)


def _is_shown(delivery: Delivery, answers: Sequence[dict[str, Any]]) -> bool:
    last = answers[-1]
    return delivery.get("outcome") == last.get("closed", last.get("status"))


def _faults(delivery: Delivery, answers: Sequence[dict[str, Any]]) -> list[str]:
    right = _is_shown(delivery, answers) and delivery["state"] == "read" and len(delivery["outcomes"]) == len(answers)
    return [] if right else [f"it is {delivery['state']}, with the outcome {delivery.get('outcome')}"]


def _wait(scene: Scene, path: str, is_done: Callable[[Delivery], bool]) -> Delivery:
    """Read a referral until it shows what is waited for, or the time is over; return its delivery as it is then."""
    deadline = monotonic() + _WITHIN_S
    while True:
        delivery: Delivery = scene.federation.case_client.send("GET", path).document["deliveries"][0]
        if is_done(delivery) or monotonic() > deadline:
            return delivery
        sleep(_POLL_S)


def _referral(people: Family) -> dict[str, Any]:
    """Return the referral for the fridge, as the key worker's case system posts it."""
    incident = incident_body(people, consent=None)
    (reason,) = [each for each in incident["statements"] if each["field"] == "why_the_item"]
    return {
        "recipients": [ALTERNATIVE["service"]],
        "purpose": FAMILY_RECOVERY,
        "urgency": "green",
        "service_type": ALTERNATIVE["service_type"],
        "agreement_to_engage": "yes",
        "reason": "The welfare fund declined and named this service.",
        "case_ref": incident["case_ref"],
        "practitioner": incident["practitioner"],
        "persons": [person for person in incident["persons"] if person["part"] == "victim"],
        "details": {
            "item": "fridge",
            "need_by": incident["details"]["item_needed_by"],
            "delivery_restricted": True,
        },
        "statements": [{**reason, "field": "reason"}],
    }
