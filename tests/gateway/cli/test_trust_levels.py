"""Chains with intermediates, as `trust show` and `trust check` tell of them."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.administration.chain_trace import trace_vouching
from gateway.administration.federation_context import FederationContext
from gateway.administration.federation_overview import describe_federation
from gateway.administration.outcome import UseCaseResult
from gateway.cli.trust.check import show_check
from gateway.ports import PeerRequest, PeerResponse, TransportError
from tests.gateway.cli.county import DISTRICT, SCHOOL
from tests.simulator.federation import Keys
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, POLICE
from tests.simulator.tree import Tree, answered
from trust.errors import Untrusted
from trust.federation.discovery import MAX_FETCHES
from trust.federation.suspension import SuspensionState
from trust.federation.trust_mark import MarkDraft, StatedMark, build_trust_mark, data_protection_mark
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer

ASSURED = data_protection_mark(ANCHOR)


def check(tree: Tree, federation: FederationContext, entity: EntityId = SCHOOL) -> UseCaseResult:
    tree.fetched.clear()
    found = show_check(federation, entity, at=tree.clock.now())
    assert len(tree.fetched) <= MAX_FETCHES
    return found


def failed(outcome: UseCaseResult) -> dict[str, Any]:
    """Give the one step that did not hold, which is the last."""
    *before, last = outcome.data["steps"]
    assert not outcome.ok
    assert all(step["ok"] for step in before)
    assert not last["ok"]
    assert last["remedy"]
    return dict(last) | outcome.data["refusal"]


# ---- check


def test_every_step_of_a_chain_of_three_levels_is_ticked(tree: Tree, federation: FederationContext) -> None:
    outcome = check(tree, federation)
    assert outcome.ok
    assert [step["name"] for step in outcome.data["steps"]][:9] == [
        f"{ANCHOR} answers, with a key that is pinned here",
        f"it vouches for {COUNTY}",
        f"{COUNTY} answers with its own statement",
        f"{COUNTY} may vouch for others",
        f"{COUNTY} vouches for {DISTRICT}",
        f"{DISTRICT} answers with its own statement",
        f"{DISTRICT} may vouch for others",
        f"{DISTRICT} vouches for {SCHOOL}",
        f"{SCHOOL} answers with its own statement",
    ]
    assert outcome.data["superiors"] == [DISTRICT, COUNTY, ANCHOR]
    assert f"{SCHOOL} is trusted, through {DISTRICT}, then {COUNTY}, then {ANCHOR}." in outcome.lines
    assert outcome.data["refusal"] is None


def test_a_check_stores_nothing(tree: Tree, federation: FederationContext) -> None:
    assert check(tree, federation).ok
    assert federation.directory.statuses(now=tree.clock.now()) == ()


def test_the_level_that_says_no_is_named(tree: Tree, federation: FederationContext) -> None:
    tree.suspend(COUNTY, DISTRICT)
    step = failed(check(tree, federation))
    assert step["name"] == f"{COUNTY} vouches for {DISTRICT}"
    assert step["statement"] == f"Subordinate statement by {COUNTY} about {DISTRICT}"
    assert step["rule"] == "OpenID Federation 1.0 section 8.1"
    assert f"administrators of {COUNTY}" in step["remedy"]


def test_an_intermediate_that_is_away_is_told_apart_from_one_that_says_no(
    tree: Tree, federation: FederationContext
) -> None:
    def away(_request: PeerRequest) -> PeerResponse:
        raise TransportError("no route")

    tree.said[DISTRICT + "/federation/v1/fetch"] = away
    step = failed(check(tree, federation))
    assert (step["name"], step["code"]) == (f"{DISTRICT} vouches for {SCHOOL}", "unreachable")
    assert "route" in step["remedy"]


def test_an_unknown_key_is_named_with_its_rule(tree: Tree, federation: FederationContext) -> None:
    before = tree.statement(DISTRICT, SCHOOL)
    tree.entities[SCHOOL].keys = Keys()
    tree.said[DISTRICT + "/federation/v1/fetch"] = lambda request: answered(before, request.accept)
    step = failed(check(tree, federation))
    assert step["name"] == "the statements form a chain"
    assert (step["statement"], step["rule"]) == (
        f"Entity configuration of {SCHOOL}",
        "OpenID Federation 1.0 section 10.2",
    )
    assert DISTRICT in step["remedy"]


def test_an_older_statement_than_one_accepted_before_is_named(tree: Tree, federation: FederationContext) -> None:
    early = tree.statement(COUNTY, DISTRICT)
    tree.clock.forward(minutes=6)
    federation.directory.resolve(SCHOOL, now=tree.clock.now())
    tree.said[COUNTY + "/federation/v1/fetch"] = lambda request: answered(early, request.accept)
    step = failed(check(tree, federation))
    assert (step["code"], step["rule"]) == ("rolled_back", "exchange profile section 6")
    assert step["statement"] == f"Subordinate statement by {COUNTY} about {DISTRICT}"


def test_who_was_suspended_by_a_log_that_is_held_is_refused_though_its_chain_stands(
    tree: Tree, federation: FederationContext
) -> None:
    federation.directory.resolve(SCHOOL, now=tree.clock.now())
    tree.entities[ANCHOR].log.append((DISTRICT, SuspensionState.SUSPENDED))
    federation.directory.catch_up(now=tree.clock.now())
    step = failed(check(tree, federation))
    assert (step["name"], step["code"]) == ("no entity in it is suspended", "suspended")
    assert f"{ANCHOR} has suspended {DISTRICT}" in step["detail"]


def test_a_repeated_statement_is_no_fresh_one(tree: Tree, federation: FederationContext) -> None:
    made = tree.statement(ANCHOR, COUNTY)
    tree.clock.forward(minutes=16)
    tree.said[ANCHOR + "/federation/v1/fetch"] = lambda request: (
        answered(made, request.accept) if "county" in request.url else tree.not_found()
    )
    assert "it is fresh" in failed(check(tree, federation))["name"]


def test_liars_that_name_each_other_cost_bounded_fetches(tree: Tree, federation: FederationContext) -> None:
    names = [EntityId(f"https://loop{number}.example") for number in range(40)]
    for name in names:
        tree.add(name)
    for place, name in enumerate(names):
        tree.entities[name].superiors = tuple(names[(place + step) % 40] for step in range(1, 6))
    assert not check(tree, federation, names[0]).ok


def test_a_signatory_below_an_intermediate_that_is_away_itself_is_vouched_for(
    tree: Tree, federation: FederationContext
) -> None:
    federation.directory.resolve(SCHOOL, now=tree.clock.now())
    tree.down.add(SCHOOL)
    trace = trace_vouching(federation, SCHOOL, now=tree.clock.now())
    assert trace.vouched is not None
    assert trace.vouched.keys == tree.entities[SCHOOL].keys.federation_keys()


def test_a_known_intermediate_that_is_silent_is_named_after_the_steps_that_lead_to_it(
    tree: Tree, federation: FederationContext
) -> None:
    federation.directory.resolve(SCHOOL, now=tree.clock.now())
    tree.down.add(DISTRICT)
    step = failed(check(tree, federation))
    assert (step["name"], step["code"]) == (f"{DISTRICT} answers with its own statement", "unreachable")
    tree.down.add(SCHOOL)
    outcome = check(tree, federation)
    assert failed(outcome)["name"] == f"{DISTRICT} answers with its own statement"
    assert [each["name"] for each in outcome.data["steps"]][:2] == [
        f"{ANCHOR} answers, with a key that is pinned here",
        f"it vouches for {COUNTY}",
    ]


def test_where_the_fetches_run_out_the_last_step_says_so(tree: Tree, federation: FederationContext) -> None:
    """A running node has the same limit, so a check that went on would promise what the node refuses."""
    for number in range(5):
        tree.add(EntityId(f"https://office{number}.example"), COUNTY)
    tree.entities[SCHOOL].superiors = tuple(EntityId(f"https://office{number}.example") for number in range(5))
    outcome = check(tree, federation)
    assert not outcome.ok
    assert not outcome.data["steps"][-1]["ok"]
    assert outcome.data["refusal"] is not None


def test_an_anchor_that_answers_is_told_apart_from_one_that_is_away(tree: Tree, federation: FederationContext) -> None:
    """A signature is verified with earlier keys only where no anchor could be asked."""
    assert trace_vouching(federation, EntityId("https://nobody.example"), now=tree.clock.now()).answered
    tree.down.add(ANCHOR)
    assert not trace_vouching(federation, SCHOOL, now=tree.clock.now()).answered


# ---- marks


def mark(tree: Tree, by: Signer | None = None, life: timedelta = timedelta(days=30)) -> bytes:
    tree.entities[ANCHOR].mark_issuers = {ASSURED: (ANCHOR,)}
    now = tree.clock.now()
    draft = MarkDraft(issuer=ANCHOR, subject=SCHOOL, mark_type=ASSURED, issued_at=now, expires_at=now + life)
    raw = build_trust_mark(draft, by or tree.entities[ANCHOR].keys.signer(KeyUse.FEDERATION))
    tree.entities[SCHOOL].marks = (StatedMark(mark_type=ASSURED, raw=raw),)
    return raw


def test_the_marks_that_count_are_shown_with_their_end(tree: Tree, federation: FederationContext) -> None:
    mark(tree)
    (found,) = check(tree, federation).data["marks"]
    assert (found["counts"], found["type"], found["issuer"]) == (True, ASSURED, ANCHOR)
    federation.directory.resolve(SCHOOL, now=tree.clock.now())
    assert any("data-protection assured" in line for line in describe_federation(federation, at=tree.clock.now()).lines)


def test_a_mark_that_does_not_count_is_shown_with_the_reason(tree: Tree, federation: FederationContext) -> None:
    mark(tree, Keys().signer(KeyUse.FEDERATION))
    outcome = check(tree, federation)
    assert outcome.ok
    (found,) = outcome.data["marks"]
    assert not found["counts"]
    assert found["reason"]
    mark(tree)
    tree.entities[ANCHOR].mark_issuers = {ASSURED: (COUNTY,)}
    (found,) = check(tree, federation).data["marks"]
    assert f"does not let {ANCHOR} issue" in found["reason"]


def test_a_revoked_mark_is_shown_as_such(tree: Tree, federation: FederationContext) -> None:
    tree.required_marks = frozenset({ASSURED})
    tree.entities[ANCHOR].revoked.add(mark(tree))
    federation.directory.resolve(SCHOOL, now=tree.clock.now())
    (found,) = check(tree, federation).data["marks"]
    assert "revoked" in found["reason"]


def test_a_mark_that_its_issuer_does_not_know_is_shown_with_what_to_do(
    tree: Tree, federation: FederationContext
) -> None:
    tree.required_marks = frozenset({ASSURED})
    mark(tree)
    tree.said[ANCHOR + "/federation/v1/trust-mark-status"] = lambda _request: tree.not_found()
    federation.directory.resolve(SCHOOL, now=tree.clock.now())
    (found,) = check(tree, federation).data["marks"]
    assert (found["counts"], found["reason"].endswith("have it issued again.")) == (False, True)


# ---- show


def test_superiors_and_members_are_a_tree(tree: Tree, federation: FederationContext) -> None:
    for entity in (COUNCIL, POLICE, SCHOOL):
        federation.directory.resolve(entity, now=tree.clock.now())
    outcome = describe_federation(federation, at=tree.clock.now())
    named = [line for line in outcome.lines if line.strip().startswith("https://")]
    assert [(len(line) - len(line.lstrip()), line.split()[0].rstrip(":")) for line in named] == [
        (2, ANCHOR),
        (4, COUNTY),
        (6, COUNCIL),
        (6, DISTRICT),
        (8, SCHOOL),
        (6, POLICE),
    ]
    assert f"      {COUNCIL} (this node): up to date" in outcome.lines
    peers = {peer["entity_id"]: peer for peer in outcome.data["peers"]}
    assert peers[SCHOOL]["superiors"] == [DISTRICT, COUNTY, ANCHOR]
    assert peers[DISTRICT]["vouches_for_others"] is True
    assert outcome.data["own"]["superiors"] == [COUNTY, ANCHOR]


def test_age_stage_end_and_suspension_are_shown(tree: Tree, federation: FederationContext) -> None:
    federation.directory.resolve(SCHOOL, now=tree.clock.now())
    federation.directory.resolve(POLICE, now=tree.clock.now())
    tree.entities[COUNTY].log.append((DISTRICT, SuspensionState.SUSPENDED))
    federation.directory.catch_up(now=tree.clock.now())
    tree.entities[COUNTY].below.discard(POLICE)
    tree.clock.forward(minutes=20)
    with pytest.raises(Untrusted):
        federation.directory.resolve(POLICE, now=tree.clock.now())
    outcome = describe_federation(federation, at=tree.clock.now())
    text = "\n".join(outcome.lines)
    assert f"{SCHOOL}: SUSPENDED by {COUNTY}" in text
    assert f"{POLICE}: not trusted any more" in text
    school = next(peer for peer in outcome.data["peers"] if peer["entity_id"] == SCHOOL)
    assert (school["trusted"], school["stage"], school["age_s"]) == (False, "alarm", 1200)
    assert school["next_stage"]["stage"] == "urgent_only"
    assert "without an answer urgent only from" in text
