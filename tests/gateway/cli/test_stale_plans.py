"""A plan that is applied after its change was made elsewhere is refused, and the journal gains no line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.loading import load
from config.settings import AnchorSettings, NodeSettings
from gateway.accountability.rate_limits import OVER_BUDGET
from gateway.administration import (
    agreements,
    client_keys,
    clients,
    end_agreement,
    flags,
    journal,
    justifications,
    trust_marks,
)
from gateway.administration.admission import plan_admission, plan_dismissal
from gateway.administration.client_keys import KeyChange
from gateway.administration.clients import Registration
from gateway.administration.context import opened_store
from gateway.administration.dual_control import plan_withdrawal
from gateway.administration.errors import OperationRefused
from gateway.administration.key_announcement import AnnouncementOptions
from gateway.administration.key_rotation import plan_rotation
from gateway.administration.member_terms import StatedTerms
from gateway.administration.membership import SUSPEND, plan_membership
from gateway.administration.outcome import ChangePlan
from gateway.administration.trust_anchor import plan_recovery
from gateway.app.commands import enrolment_ports, federation_of
from gateway.store.tables import flags as flag_rows
from gateway.store.tables import justifications as justification_rows
from gateway.store.tables.justifications import SampledLookup
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, Partnership, hearthgate
from trust.keys import KeyUse
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
    yield lambda: justifications.plan_justification(
        settings, LOOKUP, manager=MANAGER, reason="on duty", justified=False
    )


@contextmanager
def ending(partnership: Partnership, settings: NodeSettings) -> Iterator[Callable[[], ChangePlan]]:
    with federation_of(settings) as federation:
        agreements.plan_addition(federation, partnership.agreement(), []).apply()
        yield lambda: end_agreement.plan_ending(federation, "vale-early-help", None)


@contextmanager
def admission(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    request = partnership.root / "enrolment.jwt"
    words = ("trust", "join", ANCHOR, "--config", partnership.config("council"), "--out", request, "--yes", "--json")
    read_out = hearthgate(*words).json["thumbprints"]
    yield lambda: plan_admission(settings, str(request), read_out, terms=StatedTerms(), emergency=None)


@contextmanager
def dismissal(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    partnership.run_anchor()
    words = ("trust", "join", ANCHOR, "--config", partnership.config("council"), "--yes")
    assert hearthgate(*words).code == 0
    yield lambda: plan_dismissal(settings, COUNCIL, reason="an unknown agency")


@contextmanager
def rotation(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    options = AnnouncementOptions(ports=enrolment_ports(settings), recovery_key=recovery_key(partnership))
    yield lambda: plan_rotation(settings, KeyUse.FEDERATION, options)


@contextmanager
def recovery(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    options = AnnouncementOptions(ports=enrolment_ports(settings), recovery_key=recovery_key(partnership))
    yield lambda: plan_recovery(settings, options, reason="compromised", emergency="it is being used")


@contextmanager
def suspending(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    partnership.admit("council")
    yield lambda: plan_membership(settings, SUSPEND, COUNCIL, reason="a lost laptop", emergency=None)


@contextmanager
def emergency(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    partnership.admit("council")
    yield lambda: plan_membership(settings, SUSPEND, COUNCIL, reason="a lost laptop", emergency="it is being used")


@contextmanager
def withdrawal(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    partnership.admit("council")
    asked = plan_membership(settings, SUSPEND, COUNCIL, reason="a lost laptop", emergency=None).apply()
    yield lambda: plan_withdrawal(settings, asked.data["id"], "it was found")


@contextmanager
def mark(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    yield lambda: trust_marks.plan_issue(issuing(partnership), COUNCIL, "assured")


@contextmanager
def mark_revocation(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    trust_marks.plan_issue(issuing(partnership), COUNCIL, "assured").apply()
    yield lambda: trust_marks.plan_revocation(settings, COUNCIL, "assured", reason="it lapsed")


@contextmanager
def delegation(partnership: Partnership, settings: AnchorSettings) -> Iterator[Callable[[], ChangePlan]]:
    out, year = partnership.root / "delegation.jwt", timedelta(days=365)
    yield lambda: trust_marks.plan_delegation(settings, COUNCIL, "assured", out=out, lifetime=year)


def issuing(partnership: Partnership) -> AnchorSettings:
    config = partnership.config("anchor")
    if f"{ANCHOR}/marks/assured" not in config.read_text():
        config.write_text(f'{config.read_text()}\n[[marks.issues]]\ntype = "{ANCHOR}/marks/assured"\n')
    settings = load(config, {})
    assert isinstance(settings, AnchorSettings)
    return settings


def recovery_key(partnership: Partnership) -> Path:
    path = partnership.root / "anchor-recovery.pem"
    path.chmod(0o600)
    return path


AT_A_NODE = (review, registering, revocation, other_keys, finding, ending)
AT_AN_AUTHORITY = (
    admission,
    dismissal,
    suspending,
    emergency,
    withdrawal,
    rotation,
    recovery,
    mark,
    mark_revocation,
    delegation,
)


@pytest.mark.parametrize(
    ("party", "case"),
    [*(("council", case) for case in AT_A_NODE), *(("anchor", case) for case in AT_AN_AUTHORITY)],
    ids=lambda case: getattr(case, "__name__", case),
)
def test_a_change_that_was_made_meanwhile_is_refused_and_not_journaled(
    partnership: Partnership, party: str, case: Callable[..., AbstractContextManager[Callable[[], ChangePlan]]]
) -> None:
    settings = load(partnership.config(party), {})
    with case(partnership, settings) as plan:
        first, second = plan(), plan()
        assert first.apply().ok
        file = settings.base_dir / journal.FILE
        lines = file.read_bytes()
        with pytest.raises(OperationRefused):
            second.apply()
        assert file.read_bytes() == lines
