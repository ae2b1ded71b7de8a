"""A message about an invented person, as a receiver gets it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.contract import DeliveredMessage

MARA = {"family_name": "Quillfeather", "given_names": "Mara", "birth_date": "1991-04-17"}
CIRCUMSTANCES = "Neighbours heard shouting.\nShe asked that no letter be sent."


@pytest.fixture
def message() -> DeliveredMessage:
    return DeliveredMessage(
        message_id="0198c1d2-77aa-7c31-9f00-52b1c4a0e7d3",
        kind="referral",
        topic="advocacy",
        urgency="amber",
        received_at=datetime(2026, 11, 30, 13, 59, 7, tzinfo=UTC),
        from_agency="Harrowdale Council",
        from_service="adult-social-care",
        to_service="idva",
        reference="HG-7Q2M4K9D",
        document={
            "persons": [
                {"ref": "p1", "part": "victim", "subject": MARA, "safe_contact": {"method": "text", "times": "9 to 3"}},
                {"ref": "p2", "part": "child", "subject": {"given_names": "Olly", "birth_date": "2019-02-02"}},
            ],
            "details": {"risk_level": "high", "dash_score": 14, "marac": True},
            "statements": [
                {"field": "reason", "text": CIRCUMSTANCES, "about": ["p1"], "standing": "allegation"},
                {"field": "circumstances", "text": "Two children live there.", "about": ["p2"], "standing": "fact"},
            ],
            "practitioner": {"role": "social-worker", "call_back": "01632 960044"},
        },
    )


@pytest.fixture
def another(message: DeliveredMessage) -> DeliveredMessage:
    return replace(message, message_id="0198c1d2-0000-7c31-9f00-52b1c4a0e7d3", reference="HG-1A1B1C1D")
