"""A plan that is applied after its change was made elsewhere is refused, and the journal gains no line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from config.loading import load
from config.settings import NodeSettings
from gateway.accountability.rate_limits import OVER_BUDGET
from gateway.administration import agreements, client_keys, clients, end_agreement, flags, journal, justifications
from gateway.administration.client_keys import KeyChange
from gateway.administration.clients import Registration
from gateway.administration.context import opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.justifications import Justification
from gateway.administration.outcome import ChangePlan
from gateway.app.commands import federation_of
from gateway.store.tables import flags as flag_rows
from gateway.store.tables import justifications as justification_rows
from gateway.store.tables.justifications import SampledLookup
from tests.gateway.cli.conftest import Partnership
from trust.oauth.access_token import Position

MANAGER, LOOKUP, ASKER = "Maud Ellery", "lookup-1", "https://police.example pseudonym"
AT = datetime(2026, 3, 1, tzinfo=UTC)


def registration(partnership: Partnership, client_id: str, *, vouches: bool = False) -> Registration:
    return Registration(
        client_id=client_id,
        name="Case system",
        positions=[Position(service="families", role="key-worker", org_unit="north")],
        private_key=partnership.root / f"{client_id}-{datetime.now(UTC).timestamp()}.pem",
        vouches=vouches,
        manager=MANAGER if vouches else None,
    )


@contextmanager
def review(partnership: Partnership, settings: NodeSettings) -> Iterator[Callable[[], ChangePlan]]:
    with opened_store(settings) as store:
        store.write(lambda tx: flag_rows.raise_flag(tx, code=OVER_BUDGET, asker=ASKER, at=AT))
    yield lambda: flags.plan_review(settings, OVER_BUDGET, ASKER, finding="a busy day")


@contextmanager
def registering(partnership: Partnership, settings: NodeSettings) -> Iterator[Callable[[], ChangePlan]]:
    yield lambda: clients.plan_registration(settings, registration(partnership, "case"))


@contextmanager
def revocation(partnership: Partnership, settings: NodeSettings) -> Iterator[Callable[[], ChangePlan]]:
    clients.register_first(settings, registration(partnership, "case"))
    yield lambda: clients.plan_revocation(settings, "case")


@contextmanager
def other_keys(partnership: Partnership, settings: NodeSettings) -> Iterator[Callable[[], ChangePlan]]:
    clients.register_first(settings, registration(partnership, "case"))
    numbers = iter(range(2))
    yield lambda: client_keys.plan_key_change(
        settings, "case", KeyChange(private_key=partnership.root / f"more-{next(numbers)}.pem")
    )


@contextmanager
def finding(partnership: Partnership, settings: NodeSettings) -> Iterator[Callable[[], ChangePlan]]:
    clients.register_first(settings, registration(partnership, "case", vouches=True))
    with opened_store(settings) as store:
        sample = SampledLookup(lookup_id=LOOKUP, client_id="case", taken_at=AT, due_at=AT + timedelta(days=5))
        store.write(lambda tx: justification_rows.put(tx, sample))
    stated = Justification(lookup_id=LOOKUP, manager=MANAGER, reason="on duty", justified=False)
    yield lambda: justifications.plan_justification(settings, stated)


@contextmanager
def ending(partnership: Partnership, settings: NodeSettings) -> Iterator[Callable[[], ChangePlan]]:
    with federation_of(settings) as federation:
        agreements.plan_addition(federation, partnership.agreement(), []).apply()
        yield lambda: end_agreement.plan_ending(federation, "vale-early-help", None)


@pytest.mark.parametrize(
    "case", [review, registering, revocation, other_keys, finding, ending], ids=lambda case: case.__name__
)
def test_a_change_that_was_made_meanwhile_is_refused_and_not_journaled(
    partnership: Partnership, case: Callable[..., AbstractContextManager[Callable[[], ChangePlan]]]
) -> None:
    settings = load(partnership.config("council"), {})
    assert isinstance(settings, NodeSettings)
    with case(partnership, settings) as plan:
        first, second = plan(), plan()
        assert first.apply().ok
        file = settings.base_dir / journal.FILE
        lines = file.read_bytes()
        with pytest.raises(OperationRefused):
            second.apply()
        assert file.read_bytes() == lines
