"""The kinds of exchange that this software speaks, one line each."""

from typing import Final

from trust.exchange import alert, disclosure, eligibility, involvement, notice, referral
from trust.exchange.kind import Kinds, kinds_by_name

KINDS: Final[Kinds] = kinds_by_name(
    involvement.INVOLVEMENT_QUERY,
    eligibility.ELIGIBILITY_QUERY,
    alert.ALERT_KIND,
    referral.REFERRAL_KIND,
    notice.NOTICE_KIND,
    disclosure.DISCLOSURE_KIND,
)
