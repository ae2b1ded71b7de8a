"""The capabilities of a node, one line each."""

from typing import Final

from gateway.benefits.case_api import BENEFITS
from gateway.lookups.case_api import LOOKUPS
from gateway.web.capability import Capability

CAPABILITIES: Final[tuple[Capability, ...]] = (
    LOOKUPS,
    BENEFITS,
)
