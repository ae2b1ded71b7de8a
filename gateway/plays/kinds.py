"""The kinds of exchange that a step of a play can be."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.alerts.request import AlertRequest
from gateway.plays.incident import PlayKind
from gateway.referrals.request import ReferralRequest
from trust.exchange.alert import ALERT, ALERT_KIND
from trust.exchange.referral import REFERRAL, REFERRAL_KIND

STEP_KINDS: Final[Mapping[str, PlayKind]] = MappingProxyType(
    {
        ALERT: PlayKind.of(ALERT_KIND, AlertRequest),
        REFERRAL: PlayKind.of(REFERRAL_KIND, ReferralRequest),
    }
)
