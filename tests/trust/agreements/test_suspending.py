"""The notice that says how an agreement stands is the same at every node, in each order in which notices come."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.agreements.examples import document, parsed
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST, keys, signer
from trust.agreements.leaving import leavers_of, without_parties
from trust.agreements.suspending import (
    MAX_SEQ,
    AgreementSuspension,
    SuspendedState,
    build_suspension,
    deciding_notice,
    next_notice,
    suspends,
    verify_suspension,
)
from trust.claims import to_seconds
from trust.identifiers import EntityId
from trust.keys import KeyUse

AGREEMENT = parsed(document(suspended_by=[COUNCIL, TRUST]))
REASON = "A partner reported a fault."


def notice(party: EntityId, state: SuspendedState, minute: int, seq: int = 0) -> AgreementSuspension:
    told_at = to_seconds(NOW) + 60 * minute
    return AgreementSuspension(
        party=party, agreement=AGREEMENT.ref, state=state, reason=REASON, told_at=told_at, seq=seq
    )


def held(notices: list[AgreementSuspension]) -> list[AgreementSuspension]:
    """Keep each party's newest notice, as a node does, of those that came in this order."""
    newest: dict[EntityId, AgreementSuspension] = {}
    for each in notices:
        if each.party not in newest or newest[each.party].rank < each.rank:
            newest[each.party] = each
    return list(newest.values())


NOTICES = st.lists(
    st.builds(
        notice,
        st.sampled_from([COUNCIL, TRUST]),
        st.sampled_from(list(SuspendedState)),
        st.integers(min_value=0, max_value=2),
        st.integers(min_value=0, max_value=1),
    ),
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(notices=NOTICES, data=st.data(), leaver=st.sampled_from([None, COUNCIL, TRUST]))
def test_every_node_comes_to_the_same_answer(
    notices: list[AgreementSuspension], data: st.DataObject, leaver: EntityId | None
) -> None:
    agreement = AGREEMENT
    if leaver is not None:
        agreement = without_parties(AGREEMENT, leavers_of(AGREEMENT, {leaver: NOW + timedelta(hours=1)}))
    here = deciding_notice(held(notices), agreement)
    there = deciding_notice(held(data.draw(st.permutations(notices))), agreement)
    assert suspends(here) == suspends(there)
    if suspends(deciding_notice(held(notices), AGREEMENT)):  # no leaving opens what was stopped
        assert suspends(here)


def test_a_notice_of_the_last_number_of_a_second_has_a_successor() -> None:
    last = notice(COUNCIL, SuspendedState.SUSPENDED, 0, MAX_SEQ)
    resumed = next_notice(AGREEMENT.ref, last, SuspendedState.RESUMED, party=TRUST, reason=REASON, now=NOW)
    assert resumed.rank > last.rank
    raw = build_suspension(resumed, signer=signer(TRUST, KeyUse.FEDERATION))
    own_keys = keys(TRUST, KeyUse.FEDERATION)
    assert verify_suspension(raw, party=TRUST, keys=own_keys, agreement=AGREEMENT.ref, now=NOW) == resumed
