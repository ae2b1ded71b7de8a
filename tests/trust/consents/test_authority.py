"""The age, capacity and authority at which a consent counts."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.consents.age import Jurisdiction
from trust.consents.authority import Assessment, Decision, Finding, Giver, Relation, deny_authority

E, S, N = Jurisdiction.ENGLAND_AND_WALES, Jurisdiction.SCOTLAND, Jurisdiction.NORTHERN_IRELAND
ON = date(2026, 11, 30)
ABLE = Assessment(
    finding=Finding.HAS_CAPACITY, assessed_on=date(2026, 11, 2), assessor_role="social-worker", evidence="CF-1/able"
)
LACKS = replace(ABLE, finding=Finding.LACKS_CAPACITY)
P, PARENT = Relation.PERSON, Relation.PARENTAL_RESPONSIBILITY


def decision(jurisdiction: Jurisdiction, age: int | None, relation: Relation, found: Assessment | None) -> Decision:
    return Decision(
        jurisdiction=jurisdiction,
        giver=Giver(relation=relation, evidence=None if relation is P else "CF-1/authority"),
        on=ON,
        birth_date=None if age is None else date(ON.year - age, 1, 1),
        assessment=found,
    )


@pytest.mark.parametrize(
    ("jurisdiction", "age", "relation", "found", "counts"),
    [
        (E, 34, P, None, True),
        (E, 34, P, LACKS, False),
        (E, 16, P, None, True),
        (E, 15, P, None, False),
        (E, 13, P, ABLE, True),
        (S, 12, P, None, True),
        (S, 11, P, None, False),
        (S, 11, P, ABLE, True),
        (S, 12, P, LACKS, False),
        (E, None, P, None, False),
        (E, None, P, ABLE, True),
        (E, 8, PARENT, None, True),
        (E, 14, PARENT, ABLE, False),
        (E, 16, PARENT, None, False),
        (E, 17, PARENT, LACKS, True),
        (E, 18, PARENT, LACKS, False),
        (S, 11, PARENT, None, True),
        (S, 12, PARENT, None, False),
        (S, 15, PARENT, LACKS, True),
        (S, 16, PARENT, LACKS, False),
        (E, 40, Relation.ATTORNEY, LACKS, True),
        (N, 16, P, None, True),
        (N, 15, P, None, False),
        (N, 15, P, ABLE, True),
        (N, 15, PARENT, None, True),
        (N, 17, PARENT, LACKS, True),
        (N, 18, PARENT, LACKS, False),
        (N, 40, Relation.BEST_INTERESTS, LACKS, True),
        (N, 40, Relation.BEST_INTERESTS, None, False),
        (N, 40, Relation.ATTORNEY, LACKS, False),
        (N, 40, Relation.DEPUTY, LACKS, False),
        (N, 40, Relation.WELFARE_GUARDIAN, LACKS, False),
        (E, 40, Relation.ATTORNEY, None, False),
        (E, 17, Relation.ATTORNEY, LACKS, False),
        (E, 17, Relation.DEPUTY, LACKS, True),
        (E, 40, Relation.BEST_INTERESTS, LACKS, True),
        (E, 40, Relation.BEST_INTERESTS, ABLE, False),
        (E, 15, Relation.BEST_INTERESTS, LACKS, False),
        (S, 40, Relation.BEST_INTERESTS, LACKS, False),
        (S, 40, Relation.WELFARE_GUARDIAN, LACKS, True),
        (S, 16, Relation.WELFARE_ATTORNEY, LACKS, True),
        (S, 40, Relation.INTERVENTION_ORDER, LACKS, True),
        (S, 40, Relation.STATUTORY_PRINCIPLES, LACKS, True),
        (E, 40, Relation.WELFARE_GUARDIAN, LACKS, False),
        (S, 40, Relation.DEPUTY, LACKS, False),
    ],
)
def test_a_decision_counts_by_age_capacity_and_authority(
    jurisdiction: Jurisdiction, age: int | None, relation: Relation, found: Assessment | None, counts: bool
) -> None:
    assert (deny_authority(decision(jurisdiction, age, relation, found)) is None) is counts


@given(
    jurisdiction=st.sampled_from(Jurisdiction),
    age=st.integers(min_value=0, max_value=100),
    relation=st.sampled_from(Relation),
    found=st.sampled_from([None, ABLE, LACKS]),
)
def test_an_alleged_perpetrator_decides_for_no_one_else(
    jurisdiction: Jurisdiction, age: int, relation: Relation, found: Assessment | None
) -> None:
    case = decision(jurisdiction, age, relation, found)
    accused = replace(case, giver=replace(case.giver, is_alleged_perpetrator=True))
    if relation is P:
        assert deny_authority(accused) == deny_authority(case)
    else:
        assert deny_authority(accused) is not None


def test_authority_without_evidence_and_an_assessment_of_a_later_day_do_not_count() -> None:
    parent = decision(E, 8, PARENT, None)
    assert deny_authority(replace(parent, giver=Giver(relation=PARENT))) is not None
    assert deny_authority(replace(decision(E, 13, P, ABLE), on=date(2026, 11, 1))) is not None
