"""Answer 503 while the clock is wrong or a restore is not reconciled (:mod:`gateway.health.serving_gate`).

It runs before authentication: a rejected request consumes no proof or token and can be retried unchanged.
"""

from collections.abc import Callable, Mapping

from flask import Flask, request

from gateway.federation.fetch import KEY_REVOCATIONS_PATH, SUSPENSIONS_PATH
from gateway.health.serving_gate import ClockWrong, NotReconciled
from gateway.web import problem
from gateway.web.problem import Problem

_HANDED_ON = frozenset({SUSPENSIONS_PATH, KEY_REVOCATIONS_PATH})
"""What others signed, and may need to be reconciled themselves."""
_RETRY_AFTER_S = "60"
"""The condition is looked at again every minute."""


def with_serving_gate(
    app: Flask, check: Callable[[], None], *, confirmed: Mapping[str, Callable[[], None]] | None = None
) -> Flask:
    """Refuse every request of an API while ``check`` raises; what others signed is handed on all the same.

    ``confirmed`` names paths that are refused by another rule besides.
    """

    def look() -> None:
        if request.path in _HANDED_ON:
            return
        try:
            (confirmed or {}).get(request.path, check)()
        except ClockWrong:
            raise Problem(problem.CLOCK_WRONG, headers={"Retry-After": _RETRY_AFTER_S}) from None
        except NotReconciled:
            raise Problem(problem.NOT_RECONCILED, headers={"Retry-After": _RETRY_AFTER_S}) from None

    app.before_request(look)
    return app
