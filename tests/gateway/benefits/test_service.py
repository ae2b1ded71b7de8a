"""The benefit question as a capability: it waits, shows and forgets."""

from tests.simulator import faults
from tests.simulator.network import Network
from tests.simulator.peer_hand import claims_in
from tests.simulator.town import COUNCIL, JOBCENTRE
from tests.simulator.unsealing import everything_sealed


def test_a_question_waits_no_longer_than_the_nodes_own_limit(benefits: Network) -> None:
    benefits.wire.faults[JOBCENTRE] = faults.half_open
    answer = benefits.case_client().post_eligibility()
    assert answer.status_code == 200
    assert answer.get_json()["summary"] == "0 of 1 services answered"


def test_a_question_names_its_law_and_that_it_goes_no_further(benefits: Network) -> None:
    [line] = benefits.case_client().post_eligibility().get_json()["answers"]
    assert "Welfare Reform Act 2012" in line["law"]
    assert line["onward"] == "none"
    assert line["organisation"] == "Jobcentre Thornmere"


def test_each_question_is_accounted_for(benefits: Network) -> None:
    client = benefits.case_client()
    client.post_eligibility()
    client.post_eligibility(benefit="carers-allowance")
    accounts = everything_sealed(benefits, COUNCIL)
    assert [account["asked"] for account in accounts] == [[f"{JOBCENTRE}#jobcentre"]] * 2
    assert {account["question"] for account in accounts} == {"in_payment"}


def test_the_day_asked_about_is_today_unless_another_is_named(benefits: Network) -> None:
    benefits.case_client().post_eligibility(as_of="2026-01-05")
    body = _asked(benefits)
    assert body == {"question": "in_payment", "as_of": "2026-01-05"}


def _asked(network: Network) -> object:
    [(request, _)] = network.wire.messages(JOBCENTRE)
    return claims_in(request.body)["body"]
