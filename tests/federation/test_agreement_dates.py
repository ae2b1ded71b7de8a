"""A node warns of the review and the end of its agreements: a metric each round, a log line once for each stage."""

import re

from tests.simulator.network import Network
from tests.simulator.town import TRUST
from tests.support.logs import capture_logs

_LINE = re.compile(r'^hearthgate_agreement_dates\{date="(\w+)",stage="(\w+)"\} ([0-9.]+)$', re.MULTILINE)


def round_of(network: Network) -> tuple[dict[tuple[str, str], int], list[tuple[str, str]]]:
    """Let the trust's keeper make a round; return the days that it shows as due, and its warnings of them."""
    node = network.nodes[TRUST]
    with capture_logs() as lines:
        node.keeper.round()
    text = node.operations_app.test_client().get("/metrics").text
    shown = {(kind, stage): int(float(number)) for kind, stage, number in _LINE.findall(text)}
    assert len(shown) == 8  # every series is there, also with none due
    warned = [
        (line["code"], line["agreement"])
        for line in lines
        if line["event"] == "maintenance_warning" and line["code"].startswith("agreement_")
    ]
    return {each: number for each, number in shown.items() if number}, warned


def test_a_review_is_warned_of_once_at_each_stage(pair: Network) -> None:
    agreement = pair.nodes[TRUST].agreements.standings(now=pair.clock.now())[0].agreement
    version = f"{agreement.id}/{agreement.version}"
    days_left = (agreement.review_date - pair.clock.now().date()).days
    assert round_of(pair) == ({}, [])
    for days, stage in ((90, "90_days"), (30, "30_days"), (7, "7_days"), (-1, "passed")):
        pair.clock.forward(days=days_left - days)
        days_left = days
        assert round_of(pair) == ({("review", stage): 1}, [(f"agreement_review_{stage}", version)])
        assert round_of(pair) == ({("review", stage): 1}, [])


def test_an_end_is_warned_of_and_a_restart_does_not_repeat_it(pair: Network) -> None:
    agreement = pair.nodes[TRUST].agreements.standings(now=pair.clock.now())[0].agreement
    version = f"{agreement.id}/{agreement.version}"
    pair.clock.forward(days=(agreement.valid_until - pair.clock.now().date()).days - 20)
    due = {("review", "passed"): 1, ("end", "30_days"): 1}
    assert round_of(pair) == (due, [("agreement_review_passed", version), ("agreement_end_30_days", version)])
    pair.stop(TRUST)
    pair.start(TRUST)
    assert round_of(pair) == (due, [])
