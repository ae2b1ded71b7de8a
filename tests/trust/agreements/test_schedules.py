"""A schedule binds while its overarching agreement binds all its parties, and takes from it what it leaves out."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.trust.agreements.examples import DOCUMENT, document, parsed
from tests.trust.exchange.examples import COUNCIL
from trust.agreements.agreement import PROSE, Agreement, Closure, InForce, NotInForce
from trust.agreements.schedules import filled_in, why_not_under, with_overarching
from trust.agreements.signing import SigningContext, advise
from trust.identifiers import ServiceSlug


def overarching(**changes: Any) -> Agreement:
    common = {name: value for name, value in DOCUMENT.items() if name != "clauses"}
    return parsed(common | {"id": "vale-overarching", "version": 1, "overarching": True} | changes)


TIER_ONE = overarching()


def schedule(under: Agreement = TIER_ONE, **changes: Any) -> Agreement:
    short = {name: value for name, value in document().items() if name not in PROSE}
    return parsed(short | {"under": {"id": under.id, "digest": under.ref.digest}} | changes)


def out_of_force(agreement: Agreement, closure: Closure | None = None) -> NotInForce:
    return NotInForce(agreement=agreement, missing=(), reason="It is over.", closure=closure)


def test_a_schedule_binds_beside_its_overarching_agreement() -> None:
    found = with_overarching([InForce(agreement=schedule()), InForce(agreement=TIER_ONE)])
    assert [type(each) for each in found] == [InForce, InForce]


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ([], "is not held here"),
        ([out_of_force(TIER_ONE)], "is not in force"),
        ([out_of_force(TIER_ONE, Closure.ENDED)], "is not in force"),
        ([InForce(agreement=overarching(title="Another wording"))], "is not held here in the wording"),
        ([InForce(agreement=overarching(title="Another wording", version=2))], "is not held here in the wording"),
    ],
)
def test_a_schedule_without_its_overarching_agreement_binds_no_party(
    others: list[InForce | NotInForce], reason: str
) -> None:
    [found, *_] = with_overarching([InForce(agreement=schedule()), *others])
    assert isinstance(found, NotInForce)
    assert found.closure is None
    assert reason in found.reason


def test_a_renewed_overarching_agreement_keeps_its_schedules_in_force() -> None:
    renewed = overarching(version=2, title="Renewed")
    replaced = out_of_force(TIER_ONE, Closure.REPLACED)
    assert why_not_under(schedule(), [replaced, InForce(agreement=renewed)]) == ""
    smaller = overarching(version=2, parties=DOCUMENT["parties"][:2])
    assert "does not have all its parties" in why_not_under(schedule(), [replaced, InForce(agreement=smaller)])
    older = schedule(under=renewed)
    assert "is not in force" in why_not_under(older, [out_of_force(renewed), InForce(agreement=TIER_ONE)])


def test_an_agreement_with_clauses_is_no_overarching_one() -> None:
    other = parsed(document(id="vale-overarching"))
    assert "no overarching agreement" in why_not_under(schedule(under=other), [InForce(agreement=other)])


def test_texts_that_a_schedule_leaves_out_are_the_overarching_agreements() -> None:
    whole = filled_in(schedule(rights="Ask the council."), TIER_ONE)
    assert whole.rights == "Ask the council."
    assert whole.security == TIER_ONE.security


def test_a_schedule_is_signed_only_under_what_binds() -> None:
    short, today = schedule(), date(2026, 5, 1)
    services = {ServiceSlug("connecting-families"): "social-care", ServiceSlug("money-advice"): "money-advice"}
    signer = SigningContext(own=COUNCIL, services=services)
    [fault] = advise(short, signer, today=today).faults
    assert fault.startswith("the overarching agreement vale-overarching that it is under is not held here")
    held = replace(signer, in_force=(InForce(agreement=TIER_ONE),))
    assert advise(short, held, today=today).faults == ()
