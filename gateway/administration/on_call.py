"""Test of the on-call bells: ring each channel, and record when it was."""

from collections.abc import Callable, Iterator

from config.settings import NodeSettings
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.delivery.on_call import BellResult, OnCall
from gateway.ports import KeyVault, Store
from trust.identifiers import ServiceSlug

OnCallBuilder = Callable[[NodeSettings, KeyVault, Store], OnCall]


def ring_test(settings: NodeSettings, build: OnCallBuilder, *, service: str | None) -> UseCaseResult:
    """Ring every channel of one service or of all as a test. Raises :class:`OperationRefused` where there is none."""
    slugs = [each.slug for each in settings.services if each.on_call and service in {None, each.slug}]
    if not slugs:
        which = "No service has" if service is None else f"{service} is no service here with"
        raise OperationRefused(f"{which} an on-call channel. Set one up in [services.on_call] of the configuration.")
    with opened_store(settings) as store:
        on_call = build(settings, node_vault(settings), store)
        results = [result for slug in slugs for result in on_call.test(ServiceSlug(slug), now())]
    return UseCaseResult(
        lines=[line for result in results for line in _lines(result)],
        data={
            "channels": [
                {"service": each.service, "channel": each.channel, "ok": each.failure is None, "failure": each.failure}
                for each in results
            ]
        },
        ok=all(each.failure is None for each in results),
    )


def _lines(result: BellResult) -> Iterator[str]:
    if result.failure is None:
        yield f"\u2713 {result.service}: {result.channel} took the test. Ask the person on duty whether it rang."
    else:
        yield f"\u2717 {result.service}: {result.channel} failed: {result.failure}."
