"""Decisions by the library and the registry alone, and a simulation over recorded ones, in processes of their own."""

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice, product
from pathlib import Path
from random import Random
from time import process_time_ns
from typing import Any

from pysqlite3 import dbapi2

from gateway.administration.decision_tally import DecisionTally
from gateway.administration.simulation import run
from gateway.agreements.registry import AgreementRegistry
from gateway.evidence.recorder import Decided, build_entry, decision_entry, with_decision
from gateway.keys.files import create_keys
from gateway.keys.vault import open_vault
from gateway.ports import Store, Transaction
from gateway.store.factory import open_store
from gateway.store.migration import migrate
from gateway.store.tables import accessions, agreements
from gateway.store.tables.agreements import StoredSignature
from gateway.store.tables.evidence_leaves import first_id
from tests.bench.report import Figures
from tests.bench.serving import ROOT
from tests.trust.agreements.examples import document, facts, parsed, request
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST, keys, signer
from trust import strict_json
from trust.agreements.accession import build_accession, build_admission, verify_accession
from trust.agreements.agreement import Agreement, InForce, Party, Signatory, build_signature, parse_agreement
from trust.agreements.clause_selection import QuerySpec, select_indexed
from trust.agreements.decision import LocalPolicy, Permit, RequestFacts, decide_request
from trust.agreements.decision_record import RequestCase
from trust.evidence.leaf import Leaf, LeafKind
from trust.exchange.kinds import KINDS
from trust.exchange.message import AgreementRef
from trust.identifiers import ClauseId, EntityId, RoleCode, ServiceSlug
from trust.keys import KeySet, KeyUse

CLAUSES = 20
_ROLES = ("key-worker", "duty-officer", "team-manager", "press-officer")
_FIELDS = ("organisation", "service_type", "worker", "phone", "since")
_DAYS = 90
_ROUNDS = 7
_URL = "sqlite:///decisions.db"
_FILLER = bytes(200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is measured."""

    agreements: int = 1_000
    parties: int = 1_000
    decisions: int = 5_000
    selections: int = 3
    few: int = 10_000
    many: int = 1_000_000


def measure(folder: Path, counts: Counts) -> Figures:
    """Return what a decision costs among few and many agreements and parties, and how fast recorded ones replay."""
    folder.mkdir()
    books = {
        "one": _book(folder / "one", [_terms(0)], counts.decisions),
        "many": _book(folder / "many", [_terms(number) for number in range(counts.agreements)], counts.decisions),
        "crowd": _book(folder / "crowd", [_terms(0, parties=counts.parties)], counts.decisions),
        "joined": _book(folder / "joined", [_open_terms()], counts.decisions, joiners=counts.parties),
    }
    decided = _least_us(books, _Book.decide_all, counts.decisions)
    selected = _least_us(books, _Book.select_all, counts.selections)
    for book in books.values():
        book.store.close()
    few = _simulated(folder / "few", counts.few)
    all_of_them = _simulated(folder / "all", counts.many)
    return {
        "decision_us": decided["many"],
        "decision_growth": decided["many"] / decided["one"],
        "decision_parties_growth": decided["crowd"] / decided["one"],
        "decision_joiners_growth": decided["joined"] / decided["one"],
        "select_us": selected["many"],
        "select_one_us": selected["one"],
        "simulate_rps": all_of_them["rps"],
        "simulate_memory_ratio": all_of_them["peak_kb"] / few["peak_kb"],
    }


_SCHOOLS = {
    "id": "schools",
    "title": "Schools",
    "marks": ["https://anchor.example/marks/data-protection-assured"],
    "kinds": ["school"],
    "admitted_by": [COUNCIL],
    "objection_days": 14,
}


def _open_terms() -> dict[str, Any]:
    """Return an agreement of 20 clauses that schools may join to ask under each."""
    whole = _terms(0) | {"joining": [_SCHOOLS]}
    whole["clauses"] = [{**clause, "joining_askers": ["schools"]} for clause in whole["clauses"]]
    return whole


def _terms(number: int, *, parties: int = 3) -> dict[str, Any]:
    """Return an agreement of 20 clauses and so many parties; those beyond three may ask under the last clause."""
    whole = document(id=f"vale-{number}")
    clause = whole["clauses"][0]
    more = [f"https://school-{each}.example" for each in range(parties - 3)]
    whole["parties"] += [{"entity": each, "name": each, "services": ["office"]} for each in more]
    whole["clauses"] = [
        {**clause, "id": f"clause-{each}", "fields_by_role": {role: list(_FIELDS) for role in _ROLES[:3]}}
        for each in range(CLAUSES)
    ]
    whole["clauses"][-1]["askers"] = [*clause["askers"], *(f"{each}#office" for each in more)]
    return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """A store of agreements, and requests under any of them."""

    store: Store
    registry: AgreementRegistry
    asked: list[RequestFacts]

    def decide_all(self, count: int) -> None:
        """Find the agreement of each request and decide under it, in one read transaction."""
        self.store.read(lambda tx: _decide(self.registry, tx, self.asked[:count]))

    def select_all(self, count: int) -> None:
        """Choose so many times the services to ask a question, as a lookup does."""
        for _ in range(count):
            if not select_indexed(self.registry.clause_index(now=NOW), _QUESTION):
                raise RuntimeError("a selection of the benchmark finds nobody to ask")


_QUESTION = QuerySpec(
    asker=request().asker, kind=KINDS[request().kind], purpose=request().purpose, role=RoleCode("key-worker")
)


def _book(folder: Path, terms: list[dict[str, Any]], count: int, *, joiners: int = 0) -> _Book:
    folder.mkdir()
    migrate(_URL, base_dir=folder)
    store = open_store(_URL, base_dir=folder)
    refs = [_hold(store, strict_json.dumps(each)) for each in terms]
    if joiners:
        _let_join(store, refs[0], joiners)
    registry, chance = AgreementRegistry(store, own=TRUST), Random(5)  # noqa: S311 - samples, no secrets
    asked = [
        facts(replace(request(), agreement=ref, clause=ClauseId(f"clause-{chance.randrange(CLAUSES)}")))
        for ref in (chance.choice(refs) for _ in range(count))
    ]
    return _Book(store=store, registry=registry, asked=asked)


def _least_us(books: Mapping[str, _Book], work: Callable[[_Book, int], None], count: int) -> dict[str, float]:
    """Return the least CPU of one piece of work with each book; the rounds of the books alternate."""
    least = dict.fromkeys(books, float("inf"))
    for book in books.values():
        work(book, count)
    for _ in range(_ROUNDS):
        for name, book in books.items():
            least[name] = min(least[name], _cpu_us(lambda book=book: work(book, count)) / count)  # type: ignore[misc]
    return least


def _decide(registry: AgreementRegistry, tx: Transaction, asked: list[RequestFacts]) -> None:
    for each in asked:
        standing = registry.find_within(tx, each.message.agreement, now=NOW)
        decided = decide_request(each, agreement=standing, local=LocalPolicy(), own=TRUST, now=NOW)
        if not isinstance(decided, Permit):
            raise RuntimeError(f"a decision of the benchmark is no permit: {decided}")  # noqa: TRY004 - no type is wrong


def _hold(store: Store, raw: bytes) -> AgreementRef:
    agreement = parse_agreement(raw)
    ref, at = agreement.ref, NOW - timedelta(days=1)

    def hold(tx: Transaction) -> None:
        agreements.put(tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=raw, added_at=at)
        for party in agreement.parties:
            name = party.entity if party.entity in {COUNCIL, TRUST} else "https://any.example"
            signed = build_signature(
                ref,
                party=party.entity,
                signatory=Signatory(name="R. Example", post="Caldicott Guardian"),
                signer=signer(name, KeyUse.FEDERATION),
                now=NOW,
            )
            jwks = json.dumps(keys(name, KeyUse.FEDERATION).to_jwks()).encode()
            kept = StoredSignature(raw=signed, jwks=jwks)
            agreements.put_signature(tx, agreement=ref, entity=party.entity, signature=kept, added_at=at)

    store.write(hold)
    return ref


def _let_join(store: Store, ref: AgreementRef, count: int) -> None:
    """Have so many schools join, long enough ago for their pairs to be open. One key signs for all of them."""
    at = NOW - timedelta(days=60)
    who = Signatory(name="R. Example", post="Head teacher")

    def let_join(tx: Transaction) -> None:
        for number in range(count):
            school = EntityId(f"https://school-{number}.example")
            party = Party(
                entity=school, name=school, services=(ServiceSlug("office"),), complaints="Write to the head."
            )
            by_school, by_council = (signer(each, KeyUse.FEDERATION) for each in ("https://any.example", COUNCIL))
            raw = build_accession(ref, "schools", party=party, signatory=who, signer=by_school, now=at)
            school_keys, council_keys = (keys(each, KeyUse.FEDERATION) for each in ("https://any.example", COUNCIL))
            accession = verify_accession(raw, party=school, keys=school_keys, agreement=ref, now=at)
            admission = build_admission(accession, party=COUNCIL, signatory=who, signer=by_council, now=at)
            stored = accessions.StoredAccession(
                agreement_id=ref.id,
                version=ref.version,
                digest=accession.digest,
                entity=school,
                accession=_stored(raw, school_keys),
            )
            accessions.put(tx, agreement=ref, accession=stored, added_at=at)
            signed = _stored(admission, council_keys)
            accessions.admit(tx, agreement=ref, digest=accession.digest, party=COUNCIL, signed=signed, at=at)

    store.write(let_join)


def _stored(raw: bytes, trusted: KeySet) -> StoredSignature:
    return StoredSignature(raw=raw, jwks=strict_json.dumps(trusted.to_jwks()))


def _simulated(folder: Path, count: int) -> dict[str, float]:
    """Record decisions, and simulate a draft over them in a process of its own, whose memory and CPU count."""
    folder.mkdir()
    _record(folder, count)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.deciding", str(folder)], cwd=ROOT, capture_output=True, check=True
    )
    figures: dict[str, float] = json.loads(ran.stdout)
    if figures["decisions"] != count:
        raise RuntimeError(f"{figures['decisions']} of {count} decisions were simulated")
    return figures


def _record(folder: Path, count: int) -> None:
    """Fill a store with decisions: each role asks each clause for some fields, on each of 90 days; some are refused."""
    migrate(_URL, base_dir=folder)
    create_keys(folder / "keys")
    sorts = list(islice(_sorts(folder), count))
    with closing(dbapi2.connect(str(folder / "decisions.db"))) as connection, connection:
        connection.executemany("INSERT INTO question_signatures VALUES (?, ?, ?, ?)", _rows(sorts, count))


def _sorts(folder: Path) -> Iterator[tuple[bytes, bytes, bytes, str]]:
    vault = open_vault(folder / "keys")
    agreement = InForce(agreement=parsed(_terms(0)))
    bodies: tuple[dict[str, Any], ...] = ({}, {"fields": ["phone"]}, {"fields": ["worker", "since"]})
    for day, clause, role, body in product(range(_DAYS), range(CLAUSES), _ROLES, bodies):
        message = request(
            agreement=agreement.agreement.ref,
            clause=ClauseId(f"clause-{clause}"),
            practitioner=replace(request().practitioner, role=RoleCode(role)),
            body=body,
        )
        at = NOW + timedelta(days=day)
        case = RequestCase(facts=facts(message), agreement=agreement, local=LocalPolicy(), own=TRUST, now=at)
        decision = decision_entry(Decided(case=case, decision=case.decide()), vault.evidence_hmac_key())
        leaf = Leaf(kind=LeafKind.RECEIVED, at=NOW, outcome_code="known", decision=decision.digests)
        entry = with_decision(build_entry(leaf), decision, vault, {})
        yield entry.stored.id, entry.sealed or b"", decision.row.repetition, decision.row.outcome


def _rows(sorts: list[tuple[bytes, bytes, bytes, str]], count: int) -> Iterator[tuple[bytes, bytes, bytes, str]]:
    """Yield each sort once, then repetitions, whose sealed content a simulation never opens."""
    yield from sorts
    chance, later = Random(7), first_id(NOW + timedelta(days=1))  # noqa: S311 - samples, no secrets
    for number in range(count - len(sorts)):
        _, _, repetition, outcome = chance.choice(sorts)
        yield later[:8] + sha256(number.to_bytes(8, "big")).digest()[:8], _FILLER, repetition, outcome


def _cpu_us(work: Callable[[], object]) -> float:
    gc.collect()
    began = process_time_ns()
    work()
    return (process_time_ns() - began) / 1000


def _draft() -> Agreement:
    """Return a draft that gives one role nothing, and another one a field."""
    whole = _terms(0)
    for clause in whole["clauses"]:
        clause["fields_by_role"] = {"key-worker": list(_FIELDS), "press-officer": ["phone"]}
    return parsed(whole | {"version": 4})


def main() -> None:
    """Simulate over the store in a folder, and print what it took."""
    folder = Path(sys.argv[1])
    store = open_store(_URL, base_dir=folder)
    tally = DecisionTally(
        store=store,
        seal_key=open_vault(folder / "keys").seal_key(),
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2027, 12, 1, tzinfo=UTC),
    )
    draft = _draft()
    with closing(store):
        began = process_time_ns()
        result = run(tally, draft, lambda _decided, _total: None)
        cpu_s = (process_time_ns() - began) / 1e9
    print(json.dumps({"decisions": result.decisions, "rps": result.decisions / cpu_s, "peak_kb": _peak_kb()}))


def _peak_kb() -> int:
    """Return the most memory that this process ever held; ``getrusage`` would count its parent's before the exec."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main()
