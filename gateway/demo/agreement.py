"""The data-sharing agreement of the demo: a document in ``documents/``, dated today."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

TEMPLATE: Final = Path(__file__).parent / "documents" / "agreement.json"
ID: Final = "connecting-families"
EARLY_HELP: Final = "early-help"
WELFARE: Final = "welfare-support"
KEY_WORKER: Final = "key-worker"
BUSINESS_SUPPORT: Final = "business-support"


def document(today: date) -> bytes:
    """Return the agreement, in force for two years from yesterday, with a review after one."""
    text = TEMPLATE.read_text("utf-8")
    days = {"valid_from": -1, "review_date": 365, "valid_until": 730}
    for name, ahead in days.items():
        text = text.replace("{" + name + "}", (today + timedelta(days=ahead)).isoformat())
    return text.encode("utf-8")
