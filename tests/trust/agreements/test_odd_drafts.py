"""No draft, however odd, becomes an agreement that lets out a field which none of its clauses names."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import DOCUMENT, clauses, facts, request
from tests.trust.exchange.examples import NOW
from tests.trust.exchange.strategies import JSON, changed
from trust.agreements.agreement import Agreement, Clause, InForce
from trust.agreements.decision import LocalPolicy, Permit, decide_request
from trust.agreements.draft import check_draft
from trust.agreements.toml_draft import read_toml, to_signed_form
from trust.errors import TrustError
from trust.exchange.kinds import KINDS
from trust.identifiers import KindName, RoleCode, ServiceRef

FIELDS = sorted(KINDS[KindName("involvement.query")].fields)
ROLES = ["key-worker", "duty-officer", "volunteer"]
POWERS = ["ca2004-s10", "wra2012-s130-131"]
ODD_FIELDS = st.lists(st.sampled_from([*FIELDS, "*", "worker ", "Worker", "w\u043erker", "wor\u00adker"]), max_size=4)
ODD_ROLES = st.dictionaries(st.sampled_from([*ROLES, "*", "Key-worker"]), ODD_FIELDS | JSON, max_size=3)
ODD_CLAUSE = (
    st.builds(lambda roles: {"fields_by_role": roles}, ODD_ROLES)
    | st.builds(
        lambda fields: {"fields_by_role": {"key-worker": fields}}, st.lists(st.sampled_from(FIELDS), unique=True)
    )
    | changed(DOCUMENT["clauses"][0])
    | st.builds(lambda name, value: {name: value}, st.text(max_size=8), JSON)
)
ODD_DOCUMENTS = ODD_CLAUSE.map(lambda changes: {**clauses(0, **changes), "powers": POWERS}) | changed(
    {**DOCUMENT, "powers": POWERS}
)


@given(ODD_DOCUMENTS)
def test_nothing_leaves_that_no_clause_names(document: dict[str, Any]) -> None:
    agreement = signable(json.dumps(document).encode())
    if agreement is None:
        return
    for clause in agreement.clauses:
        for role in {*ROLES, *clause.fields_by_role}:
            assert let_out(agreement, clause, role) <= written_down(document, role)


@given(st.data())
def test_nothing_leaves_that_no_line_of_the_toml_names(data: st.DataObject) -> None:
    """A line of a draft that is taken away, doubled or put elsewhere grants nothing that the text does not hold."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        line = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "move"])):
            case "drop" if len(lines) > 1:
                lines.pop(line)
            case "double":
                lines.insert(line, lines[line])
            case _:
                lines.insert(data.draw(st.integers(0, len(lines) - 1)), lines.pop(line))
    draft = read_toml("\n".join(lines))
    agreement = None if draft.syntax else signable(to_signed_form(draft.document))
    for clause in agreement.clauses if agreement else ():
        for role in {*ROLES, *clause.fields_by_role}:
            fields = let_out(agreement, clause, role) if agreement else frozenset()
            granting = [line for line in lines if line.startswith(f"{role} = ")]
            assert all(any(f'"{field}"' in line for line in granting) for field in fields)


def signable(raw: bytes) -> Agreement | None:
    """Return the agreement of a draft that a party's node would sign."""
    try:
        agreement, faults = check_draft(raw)
    except TrustError:
        return None
    return None if faults else agreement


def let_out(agreement: Agreement, clause: Clause, role: str) -> frozenset[str]:
    """Return every field that some holder of a clause would let out to a role which asks for all."""
    fields: frozenset[str] = frozenset()
    if KINDS[clause.kind].queued:
        return fields
    for asker, holder in ((asker, holder) for asker in clause.askers for holder in clause.holders):
        fields |= _permitted(agreement, clause, role, (asker, holder))
    return fields


def _permitted(agreement: Agreement, clause: Clause, role: str, ends: tuple[ServiceRef, ServiceRef]) -> frozenset[str]:
    asker, holder = ends
    message = request(
        agreement=agreement.ref,
        iss=asker.entity,
        aud=holder.entity,
        from_service=asker.service,
        to_service=holder.service,
        kind=clause.kind,
        version=clause.version,
        clause=clause.id,
        purpose=clause.purpose,
        basis=clause.basis,
        body={"question": "in_payment", "as_of": "2026-09-01"} if clause.kind == "eligibility.query" else {},
    )
    message = replace(message, practitioner=replace(message.practitioner, role=RoleCode(role)))
    standing = InForce(agreement=agreement)
    decision = decide_request(facts(message), agreement=standing, local=LocalPolicy(), own=holder.entity, now=NOW)
    return decision.fields if isinstance(decision, Permit) else frozenset()


def written_down(document: dict[str, Any], role: str) -> set[str]:
    """Return the fields that the clauses of a document name for a role, as a person reads them there."""
    fields: set[str] = set()
    for clause in document["clauses"]:
        fields |= set(clause["fields_by_role"].get(role, []))
    return fields


def test_the_properties_see_what_is_let_out() -> None:
    agreement = signable(json.dumps({**DOCUMENT, "powers": POWERS}).encode())
    assert agreement is not None
    assert let_out(agreement, agreement.clauses[0], "duty-officer") == {"organisation", "duty_phone"}
    draft = read_toml("\n".join(LINES))
    written = signable(to_signed_form(draft.document))
    assert written is not None
    assert let_out(written, written.clauses[0], "key-worker") == {"organisation", "worker"}


def _toml() -> list[str]:
    whole = {**DOCUMENT, "powers": POWERS}
    tables = ("purposes", "parties", "clauses")
    lines = [f"{name} = {json.dumps(value)}" for name, value in whole.items() if name not in tables]
    for name in tables:
        for table in whole[name]:
            lines.append(f"[[{name}]]")
            members = {key: value for key, value in table.items() if key != "fields_by_role"}
            lines += [f"{key} = {json.dumps(value)}" for key, value in members.items()]
            if name == "clauses":
                fields = ["organisation", "worker"] if table["id"] == "who-else" else ["answer", "as_of"]
                lines += ["[clauses.fields_by_role]", f"key-worker = {json.dumps(fields)}"]
    return lines


LINES = tuple(_toml())
