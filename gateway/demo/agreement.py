"""The data-sharing agreements of the demo: documents in ``documents/``, dated today."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

ID: Final = "connecting-families"
DOMESTIC_ABUSE: Final = "domestic-abuse-response"
EARLY_HELP: Final = "early-help"
WELFARE: Final = "welfare-support"
FAMILY_RECOVERY: Final = "family-recovery"
SAFEGUARDING_FAMILY: Final = "safeguarding-family"
KEY_WORKER: Final = "key-worker"
BUSINESS_SUPPORT: Final = "business-support"
_FOLDER: Final = Path(__file__).parent / "documents"
PLAY: Final = _FOLDER / "witnessed-domestic-abuse.toml"
"""The play of the key worker: who is told what of the incident, under the agreement on domestic abuse."""
_FILES: Final = {ID: "agreement.json", DOMESTIC_ABUSE: "domestic-abuse-response.json"}


def document(today: date, agreement: str = ID) -> bytes:
    """Return an agreement, in force for two years from yesterday, with a review after one."""
    text = (_FOLDER / _FILES[agreement]).read_text("utf-8")
    days = {"valid_from": -1, "review_date": 365, "valid_until": 730}
    for name, ahead in days.items():
        text = text.replace("{" + name + "}", (today + timedelta(days=ahead)).isoformat())
    return text.encode("utf-8")
