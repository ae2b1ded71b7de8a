"""The network of the seeded worlds, made once and copied for each, and the messages that are sent in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from flask import Flask
from werkzeug.routing import Rule

from adapters import loading
from gateway.app import node
from gateway.delivery.case_submission import CaseSubmission
from tests.simulator.clocks import SetClock
from tests.simulator.disk import Disk, losing_disk
from tests.simulator.network import Network
from tests.simulator.queued import Sending, alert, alert_clause, case_caller, sending
from tests.simulator.town import COUNCIL, HOUSING, TRUST
from trust.exchange import notice, referral
from trust.exchange.notice import NOTICE_KIND
from trust.exchange.referral import REFERRAL_KIND

PLACES = (COUNCIL, TRUST, HOUSING)
_REASON = {
    "field": "reason",
    "text": "She wants someone at her side.",
    "about": ["p1"],
    "standing": "fact",
    "source": "key worker",
    "on": "2026-03-02",
}
_REFERRAL = {"service_type": "advocacy", "agreement_to_engage": "yes", "details": {}, "statements": [_REASON]}
_CLOSURE = {"involvement": "CF-2291", "ended_on": "2026-03-02", "closure_reason": "completed"}
_NOTICE = {"type": "case.closure", "details": _CLOSURE, "statements": []}
_OTHERS: tuple[dict[str, Any], ...] = (
    {"kind": REFERRAL_KIND, "topic": "advocacy", "body": referral.parse_body(_REFERRAL)},
    {"kind": NOTICE_KIND, "topic": "case.closure", "body": notice.parse_body(_NOTICE)},
)
_ANSWERS: dict[tuple[str, str | None], list[dict[str, str]]] = {
    ("alert", None): [{"closed": "useful"}, {"closed": "wrong-person"}],
    ("notice", None): [{"answer": "done"}, {"answer": "kept", "ground": "The law has us keep it."}],
    ("referral", None): [
        {"status": "accepted"},
        {"status": "declined", "reason": "No room.", "declined_by": "duty-officer"},
    ],
    ("referral", "accepted"): [{"status": "in_progress"}, {"status": "completed", "outcome": "helped"}],
    ("referral", "in_progress"): [{"status": "completed", "outcome": "helped"}],
}
_GRANT = {name: value for name, value in alert_clause().items() if name != "topics"}
_CLAUSES: tuple[dict[str, Any], ...] = (
    {
        **_GRANT,
        "id": "referral",
        "kind": "referral",
        "service_types": ["advocacy"],
        "fields_by_role": {"key-worker": ["persons.victim", "reason"]},
    },
    {
        **_GRANT,
        "id": "notice",
        "kind": "notice",
        "notice_types": ["case.closure"],
        "fields_by_role": {"key-worker": ["persons.victim", *_CLOSURE]},
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedNetwork:
    """A network's folder as it was made, and the moment; ``disk`` lies below all files of its copies."""

    folder: Path
    moment: datetime
    disk: Disk

    @contextmanager
    def copy(self, name: str) -> Iterator[Sending]:
        """Give a copy of its own to one world."""
        place = self.folder / name
        shutil.copytree(self.folder / "made", place)
        network = Network.reopen(place, PLACES, clock=SetClock(self.moment))
        try:
            yield Sending(network=network, recipients={}, caller=case_caller(network))
        finally:
            network.close()
            shutil.rmtree(place)


@contextmanager
def prepared_network() -> Iterator[PreparedNetwork]:
    """Make the network, in memory where the system has a place for that: its disk is a model, and syncs cost nothing.

    An agreement on alerts, referrals and notices is in force.
    """
    memory = Path("/dev/shm")  # noqa: S108 - a place in memory, in which a folder of our own is made
    place = memory if os.access(memory, os.W_OK) else None
    with TemporaryDirectory(prefix="hearthgate-chaos-", dir=place) as folder, losing_disk() as disk, _quick_starts():
        made = Path(folder) / "made"
        made.mkdir()
        with sending(made, played=(), more=_CLAUSES) as network:
            moment = network.clock.now()
        yield PreparedNetwork(folder=Path(folder), moment=moment, disk=disk)


@contextmanager
def _quick_starts() -> Iterator[None]:
    """Leave out of a node's start what takes most of its time and no world uses: a node dies here many times."""
    points, no_routes = cache(entry_points), Flask("no case API")
    with (
        patch.object(loading, "entry_points", points),
        patch.object(node, "_case_app", lambda *_: no_routes),
        patch.object(Rule, "_compile_builder", lambda *_: _build_no_address),
    ):
        yield


def _build_no_address(*_: object, **__: object) -> None:
    raise NotImplementedError


def draw_submission(choose: Random, **values: Any) -> CaseSubmission:
    """Return an alert, a referral or a notice."""
    return alert(**{**choose.choice([{}, {}, *_OTHERS]), **values})


def draw_answer(choose: Random, kind: str, decision: str | None) -> dict[str, str] | None:
    """Return an answer that may follow the last one; none after the last."""
    permitted = _ANSWERS.get((kind, decision))
    return None if permitted is None else choose.choice(permitted)
