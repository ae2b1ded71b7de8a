"""The capabilities of a node, one line each."""

from typing import Final

from gateway.alerts.case_api import ALERTS
from gateway.benefits.case_api import BENEFITS
from gateway.consents import case_api as consents
from gateway.disclosures.case_api import DISCLOSURES
from gateway.http.case import inbox_api, restrictions_api, sharing_api, sharing_tasks_api, work_api
from gateway.lookups.case_api import LOOKUPS
from gateway.notices.case_api import NOTICES
from gateway.plays import case_api as plays
from gateway.referrals.case_api import REFERRALS
from gateway.web.capability import AnyCapability
from gateway.web.case_openapi import ApiOperation

CAPABILITIES: Final[tuple[AnyCapability, ...]] = (
    LOOKUPS,
    BENEFITS,
    ALERTS,
    REFERRALS,
    NOTICES,
    DISCLOSURES,
)
CASE_OPERATIONS: Final[tuple[ApiOperation, ...]] = (
    *(operation for each in CAPABILITIES for operation in each.operations),
    *plays.OPERATIONS,
    *work_api.OPERATIONS,
    *inbox_api.OPERATIONS,
    *restrictions_api.OPERATIONS,
    *sharing_api.OPERATIONS,
    *sharing_tasks_api.OPERATIONS,
    *consents.OPERATIONS,
)
"""Every operation of the case API but the options."""
