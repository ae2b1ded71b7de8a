"""An agreement on alerts, referrals and notices in the simulator's town, and what a case system sends under it."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.alerts.request import EXAMPLE_ALERT
from gateway.referrals.request import EXAMPLE_REFERRAL
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.town import ASKER, SUBJECT, TRUST

TEAM = f"{TRUST}#mental-health"
SAFEGUARDING = "safeguarding"
ALERT_FIELDS = [
    "circumstances",
    "incident_reference",
    "occurred_at",
    "persons.victim",
    "persons.told",
    "persons.safe_contact",
]
_CLAUSE: dict[str, Any] = {
    "version": 1,
    "purpose": SAFEGUARDING,
    "askers": [ASKER],
    "holders": [TEAM],
    "basis": ["6-1-e", "ca2004-s10"],
    "existence": "conditional",
    "keep_days": 90,
    "onward": "none",
}
CLAUSES: list[dict[str, Any]] = [
    {
        **_CLAUSE,
        "id": "alerts",
        "kind": "alert",
        "topics": ["safeguarding"],
        "fields_by_role": {"key-worker": ALERT_FIELDS},
        "review_when": {"useful_below": 60, "of": 4},
    },
    {
        **_CLAUSE,
        "id": "referrals",
        "kind": "referral",
        "service_types": ["advocacy", "essentials"],
        "fields_by_role": {"key-worker": ["reason", "persons.victim", "item", "need_by", "delivery_restricted"]},
    },
]


def agree_on_alerts(network: Network, **changes: Any) -> None:
    """Have every agency sign an agreement on alerts and referrals."""
    document = network.document()
    purposes = [*document["purposes"], {"code": SAFEGUARDING, "description": "To keep people safe."}]
    network.agree(network.document(id="town-safeguarding", purposes=purposes, clauses=CLAUSES, **changes))


def message(example: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a request of the connecting families' key worker about the young man."""
    practitioner = {
        "id": "u-17",
        "role": "key-worker",
        "org_unit": "north-team",
        "second_factor": True,
        "name": "Nia Harding",
        "call_back": "01632 960117",
    }
    person = {**example["persons"][0], "subject": SUBJECT}
    body = {
        **example,
        "recipients": [TEAM],
        "purpose": SAFEGUARDING,
        "practitioner": practitioner,
        "from_service": "connecting-families",
        "persons": [person],
    }
    return {**body, **changes}


def alert(**changes: Any) -> dict[str, Any]:
    """Return a request for an alert."""
    return message(EXAMPLE_ALERT, **changes)


def referral(**changes: Any) -> dict[str, Any]:
    """Return a request for a referral."""
    return message(EXAMPLE_REFERRAL, **changes)


def post(client: CaseClient, path: str, body: dict[str, Any], *, key: str = "a-key-of-ours") -> TestResponse:
    """Send a request of a case system."""
    headers = client.headers(**{"Idempotency-Key": key})
    return client.http.post(f"/case/v1/{path}", base_url=client.base_url, json=body, headers=headers)


def get(client: CaseClient, path: str, http: FlaskClient | None = None) -> TestResponse:
    """Read something of a case system."""
    return (http or client.http).get(f"/case/v1/{path}", base_url=client.base_url, headers=client.headers())
