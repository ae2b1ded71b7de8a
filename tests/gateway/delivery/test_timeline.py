"""An administrator follows a message by its reference or its submission's id."""

import pytest

from gateway.administration.errors import OperationRefused
from gateway.administration.messages import show_timeline
from tests.simulator.alerts import agree_on_alerts, alert, post
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, SUBJECT


def test_the_steps_of_a_message_are_shown_and_no_person(pair: Network) -> None:
    agree_on_alerts(pair)
    view = post(pair.case_client(), "alerts", alert()).get_json()
    settings, reference = pair.nodes[COUNCIL].settings, view["deliveries"][0]["reference"]
    shown_by_reference, shown_by_id = (show_timeline(settings, name) for name in (reference, view["id"]))
    assert shown_by_reference == shown_by_id
    assert shown_by_id.lines[0].startswith(f"{reference}: alert to https://")
    assert [step["event"] for step in shown_by_id.data["messages"][0]["steps"]] == ["queued"]
    assert SUBJECT["family_name"] not in str(shown_by_id)


def test_a_message_that_this_node_does_not_know_is_refused(pair: Network) -> None:
    with pytest.raises(OperationRefused, match="knows no message"):
        show_timeline(pair.nodes[COUNCIL].settings, "HG-00000000")
