"""Export of recorded decisions in the form of the Dutch Authorization Decision Log (Logius, version 1.0).

Each request that was decided is one log record of the event ``adl.access_evaluation``, one JSON object a line:

1. ``body`` has request and response in the form of AuthZEN's Access Evaluation API, without the person.
2. ``attributes`` refer to the sources: policies (the agreement to the byte, the legal register, the rules), the release
   and its kinds as configuration, and each input of the decision by the leaf that it is sealed with, and its digest.
3. With ``inputs`` the information stands in ``body`` instead, so that the record replays by itself (level 3 of the
   standard: all information sources). It then says when a person consented, and who did what in an incident.

The node keeps no trace of the caller: ``trace_id`` is the leaf's id, whose second half is random, and ``span_id`` that
half.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from config.settings import NodeSettings
from gateway import __version__
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.decisions import RecordedDecision, open_recorded
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.ports import Transaction
from gateway.store.tables import evidence_leaves
from trust.agreements.decision_record import AGREEMENT, CLOCK, KINDS_SPOKEN, LEGAL_REGISTER, REQUEST, RULES
from trust.strict_json import JsonObject, dumps

EVENT = "adl.access_evaluation"
_SOURCES = frozenset({AGREEMENT, KINDS_SPOKEN, LEGAL_REGISTER, RULES, REQUEST})
"""Inputs that are named as policies, configuration or request, and not as information."""


def export(settings: NodeSettings, file: Path, *, days: int, inputs: bool) -> UseCaseResult:
    """Write the decisions of the last ``days`` to a new file. The journal records who did.

    Raises :class:`gateway.administration.errors.OperationRefused`.
    """
    record(settings, "decision export", days=days, inputs=str(inputs).lower())
    vault = node_vault(settings)
    count = 0

    def lines(tx: Transaction) -> Iterator[bytes]:
        nonlocal count
        for each in decisions_since(tx, vault.seal_key(), timedelta(days=days)):
            count += 1
            yield dumps(log_record(each, settings.node.entity_id, inputs=inputs)) + b"\n"

    with opened_store(settings) as store:
        store.read(lambda tx: write_new(file, lines(tx), "The export", mode=0o600))
    return UseCaseResult(lines=[f"Wrote {count} decisions to {file}."], data={"decisions": count})


def decisions_since(tx: Transaction, seal_key: bytes, span: timedelta) -> Iterator[RecordedDecision]:
    """Yield the decisions on requests of a span of time up to now, the newest first."""
    until = now() + timedelta(seconds=1)
    leaves = evidence_leaves.between(tx, since=until - span, until=until)
    records = (open_recorded(tx, stored, seal_key) for stored in leaves)
    return (each for each in records if each is not None and REQUEST in each.content.inputs)


def log_record(recorded: RecordedDecision, entity: str, *, inputs: bool) -> JsonObject:
    """Return one log record of the standard."""
    content, digests = recorded.content, recorded.leaf.decision or {}
    information = [name for name in content.inputs if name not in _SOURCES]
    agreement = content.inputs.get(AGREEMENT)
    body: JsonObject = {
        "adl.core.request": _request(recorded),
        "adl.core.response": _response(content.outcome),
    }
    attributes: JsonObject = {
        "adl.core.policies": {
            "agreement": None if agreement is None else f"{agreement['id']}/{agreement['version']}",
            "agreement-sha256": None if agreement is None else agreement["digest"],
            "legal-register-sha256": content.inputs[LEGAL_REGISTER],
            "rules-sha256": content.inputs[RULES],
        },
        "adl.core.configuration": {"hearthgate": __version__, "kinds-sha256": content.inputs[KINDS_SPOKEN]},
    }
    if inputs:
        body["adl.core.information"] = dict(content.inputs)
    else:
        attributes["adl.core.information"] = {
            name: {"leaf": recorded.id, "digest": digests.get(name)} for name in information
        }
    return {
        "trace_id": recorded.id,
        "span_id": recorded.id[16:],
        "event_name": EVENT,
        "timestamp": int(recorded.stored.at.timestamp() * 1000),
        "status": "Unset",
        "attributes": attributes,
        "resource": {"service.name": "hearthgate", "hearthgate.entity": entity},
        "body": body,
    }


def _request(recorded: RecordedDecision) -> JsonObject:
    request = recorded.content.inputs[REQUEST]
    return {
        "subject": {
            "type": "practitioner",
            "id": recorded.leaf.practitioner or "unknown",
            "properties": {"role": request["role"], "agency": request["iss"], "service": request["from_service"]},
        },
        "action": {"name": request["kind"], "properties": {"version": request["version"]}},
        "resource": {"type": "service", "id": f"{request['aud']}#{request['to_service']}"},
        "context": {
            "time": recorded.content.inputs[CLOCK],
            "purpose": request["purpose"],
            "basis": request["basis"],
            "clause": request["clause"],
        },
    }


def _response(outcome: JsonObject) -> JsonObject:
    return {
        "decision": outcome["permit"],
        "context": {name: each for name, each in outcome.items() if name != "permit"},
    }
