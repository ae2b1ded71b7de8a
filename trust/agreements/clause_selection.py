"""Selection of the clause to ask under: neither practitioner nor case system needs to know the law."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.clause import Clause, Existence
from trust.agreements.clause_index import ClauseGrant, ClauseIndex, newest
from trust.agreements.denial import Denial, DenialCode, deny, deny_unlisted
from trust.agreements.expected_parties import expected_services
from trust.errors import shown
from trust.exchange.errors import FieldsNotPermitted
from trust.exchange.kind import ClauseList, ExchangeKind, Query
from trust.exchange.message import AgreementRef
from trust.identifiers import PurposeCode, RoleCode, ServiceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySpec:
    """What a practitioner wants to ask. ``holders`` is ``None`` for all that an agreement permits.

    ``query`` is ``None`` for any query of the kind. ``consent`` says that there is a record of the person's consent.
    ``person_fields`` are those that the persons of a queued message bring.
    """

    asker: ServiceRef
    kind: ExchangeKind
    purpose: PurposeCode
    role: RoleCode
    query: Query | None = None
    holders: frozenset[ServiceRef] | None = None
    consent: bool = False
    person_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedClause:
    """One service that may be asked, and the clause to ask it under.

    ``fields`` is what the role may have of what the query wants. ``required_marks`` are the agreement's.
    ``holder_marks`` are those and the ones of the holder's class, if it joined: it is asked only while it holds them.
    """

    agreement: AgreementRef
    title: str
    clause: Clause
    holder: ServiceRef
    fields: frozenset[str]
    required_marks: tuple[str, ...] = ()
    holder_marks: tuple[str, ...] = ()


def select_clauses(agreements: Iterable[InForce], spec: QuerySpec) -> tuple[SelectedClause, ...]:
    """Return one clause for each service that may be asked, in the order of their names.

    Only the newest version of an agreement counts. Where several clauses fit one service, one that rests on no consent
    wins unless there is a record of it; then the one that gives the role most of the fields wanted; then one of
    unconditional existence; then the first by agreement and clause id, so that the same question is always asked in the
    same way. The asking service itself is never among the holders.
    """
    return _best(_fitting(_grants_to(newest(agreements), spec), spec), spec)


def select_indexed(index: ClauseIndex, spec: QuerySpec) -> tuple[SelectedClause, ...]:
    """Return what :func:`select_clauses` does for the agreements of an index."""
    return _best(_fitting(index.of(spec.asker, spec.kind.name), spec), spec)


def _best(fitting: Iterable[ClauseGrant], spec: QuerySpec) -> tuple[SelectedClause, ...]:
    best: dict[ServiceRef, ClauseGrant] = {}
    for grant in sorted(fitting, key=lambda each: _rank(each, spec)):
        for holder in _holders(grant.clause, spec):
            best.setdefault(holder, grant)
    return tuple(
        SelectedClause(
            agreement=best[holder].agreement.ref,
            title=best[holder].agreement.title,
            clause=best[holder].clause,
            holder=holder,
            fields=_fields(best[holder].clause, spec),
            required_marks=best[holder].agreement.required_marks,
            holder_marks=best[holder].agreement.marks_of(holder.entity),
        )
        for holder in sorted(best, key=str)
    )


def explain_no_clause(agreements: Sequence[InForce | NotInForce], spec: QuerySpec) -> Denial:
    """Say why :func:`select_clauses` found nothing, given every agreement on record.

    Where one would permit it and does not bind, that is why, by its highest version; else it is the first step at which
    no clause was left.
    """
    binding = newest(standing for standing in agreements if isinstance(standing, InForce))
    replaced = {standing.agreement.id for standing in binding}
    for standing in sorted(agreements, key=lambda each: (each.agreement.id, -each.agreement.version)):
        if isinstance(standing, InForce) or standing.agreement.id in replaced:
            continue
        if any(_fitting(_grants_to([standing], spec), spec)):
            version = f"{standing.agreement.id} version {standing.agreement.version}"
            return deny(DenialCode.AGREEMENT_NOT_IN_FORCE, detail=f"{version}: {standing.reason}")
    clauses = [clause for standing in binding for clause in standing.agreement.clauses if spec.asker in clause.askers]
    if not clauses:
        return deny(DenialCode.NO_AGREEMENT)
    for step in _steps(spec):
        rest = [clause for clause in clauses if step.fits(clause)]
        if not rest:
            words = sorted({str(word) for clause in clauses for word in step.words(clause)})
            closed = _why_closed(binding, clauses, spec) if step.is_between else ""
            return step.denial(f"Known here: {_quote(words)}." if words else closed)
        clauses = rest
    return deny(DenialCode.NO_AGREEMENT)


def _why_closed(binding: Iterable[InForce], clauses: Collection[Clause], spec: QuerySpec) -> str:
    """Say what the pairs with the wanted holders wait for, where a clause lets agencies join, and which have left."""
    entities = {holder.entity: None for holder in sorted(spec.holders or (), key=str)}
    terms = [(each.agreement, entity) for each in binding for entity in entities]
    pairs = (agreement.pairs.get(entity) for agreement, entity in terms if any(each.lets_join for each in clauses))
    leavers = (agreement.leavers[entity] for agreement, entity in terms if entity in agreement.leavers)
    return " ".join([*(pair.reason for pair in pairs if pair is not None), *leavers])


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAsked:
    """An expected service that a question did not go to, and why."""

    service: ServiceRef
    organisation: str
    denial: Denial


def explain_not_asked(
    agreements: Sequence[InForce | NotInForce], spec: QuerySpec, asked: Collection[ServiceRef]
) -> tuple[NotAsked, ...]:
    """Return the services that the asker's agreements in force expect and that were not asked, each with the reason.

    A question that names its holders goes to no other, so that nothing is missing.
    """
    if spec.holders is not None:
        return ()
    binding = [each.agreement for each in agreements if isinstance(each, InForce)]
    own = [each for each in binding if each.party(spec.asker.entity) is not None]
    expected = expected_services(party for each in own for party in each.expected)
    shared = {service for each in own for service in each.services}
    missing = sorted(expected.keys() - set(asked) - {spec.asker}, key=str)
    return tuple(
        NotAsked(
            service=service,
            organisation=expected[service],
            denial=explain_no_clause(agreements, replace(spec, holders=frozenset({service})))
            if service in shared
            else deny(DenialCode.NO_AGREEMENT),
        )
        for service in missing
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A rule that a clause must fit; ``words`` of the clauses before it are those that would fit.

    ``is_between`` marks the rule on the two services, which may wait for one another.
    """

    fits: Callable[[Clause], bool]
    denial: Callable[[str], Denial]
    words: Callable[[Clause], Iterable[str]] = lambda _: ()
    is_between: bool = False


def _steps(spec: QuerySpec) -> tuple[_Step, ...]:
    """Return the rules in order."""
    return (
        _Step(fits=lambda clause: clause.kind == spec.kind.name, denial=_denial(DenialCode.KIND_NOT_COVERED)),
        _Step(
            fits=lambda clause: clause.purpose == spec.purpose,
            denial=_denial(DenialCode.PURPOSE_NOT_COVERED),
            words=lambda clause: (clause.purpose,),
        ),
        _Step(
            fits=lambda clause: bool(_holders(clause, spec)),
            denial=_denial(DenialCode.SERVICE_NOT_COVERED),
            is_between=True,
        ),
        _Step(
            fits=lambda clause: spec.role in clause.fields_by_role,
            denial=_denial(DenialCode.ROLE_NOT_PERMITTED),
            words=lambda clause: clause.fields_by_role,
        ),
        *(_list_step(each, spec.query) for each in spec.kind.clause_lists),
    )


def _denial(code: DenialCode) -> Callable[[str], Denial]:
    return lambda detail: deny(code, detail=detail)


def _list_step(clause_list: ClauseList, query: Query | None) -> _Step:
    return _Step(
        fits=lambda clause: query is None or clause_list.permits(clause.lists, query),
        denial=lambda detail: deny_unlisted(clause_list, detail=detail),
        words=lambda clause: clause.lists.get(clause_list.name, ()),
    )


def check_requested_fields(clause: Clause, role: RoleCode, requested: Collection[str]) -> None:
    """Refuse, before anything is sent, fields that the clause does not give this role (assertion A48).

    Raises :class:`FieldsNotPermitted`, naming them and what may be asked for.
    """
    role_fields = clause.fields_by_role.get(role, frozenset())
    excess = sorted(set(requested) - role_fields)
    if excess:
        raise FieldsNotPermitted(
            f"This role may not have {_quote(excess)} under this clause. It may ask for {_quote(sorted(role_fields))}."
        )


def _quote(names: Iterable[str]) -> str:
    return ", ".join(shown(name) for name in names) or "nothing"


def _grants_to(agreements: Iterable[InForce | NotInForce], spec: QuerySpec) -> Iterator[ClauseGrant]:
    return (
        ClauseGrant(agreement=standing.agreement, clause=clause)
        for standing in agreements
        for clause in standing.agreement.clauses
        if spec.asker in clause.askers
    )


def _fitting(grants: Iterable[ClauseGrant], spec: QuerySpec) -> Iterator[ClauseGrant]:
    """Yield the clauses that fit every step, of those that let the asker ask."""
    steps = _steps(spec)
    return (grant for grant in grants if all(step.fits(grant.clause) for step in steps))


def _holders(clause: Clause, spec: QuerySpec) -> frozenset[ServiceRef]:
    others = clause.holders - {spec.asker}
    return others if spec.holders is None else others & spec.holders


def _fields(clause: Clause, spec: QuerySpec) -> frozenset[str]:
    role_fields, query_fields = clause.fields_by_role[spec.role], spec.query.fields if spec.query else None
    return role_fields if query_fields is None else role_fields & (query_fields | spec.person_fields)


def _rank(grant: ClauseGrant, spec: QuerySpec) -> tuple[bool, int, bool, str, str]:
    clause = grant.clause
    return (
        bool(clause.consent_roles) and not spec.consent,
        -len(_fields(clause, spec)),
        clause.existence is Existence.CONDITIONAL,
        grant.agreement.id,
        clause.id,
    )
