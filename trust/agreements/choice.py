"""Find the clause under which a service may ask, so that neither practitioner nor case system needs to know the law."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.clause import Clause, Existence
from trust.agreements.denial import Denial, DenialCode, deny
from trust.errors import shown
from trust.exchange.eligibility import Question
from trust.exchange.errors import FieldsNotPermitted
from trust.exchange.message import AgreementRef
from trust.identifiers import AgreementId, KindName, PurposeCode, RoleCode, ServiceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a practitioner wants to ask. ``holders`` and ``fields`` are ``None`` for all that an agreement permits.

    ``consent`` says that there is a record of the person's consent; ``question`` and ``benefit`` are set
    for ``eligibility.query`` only.
    """

    asker: ServiceRef
    kind: KindName
    purpose: PurposeCode
    role: RoleCode
    holders: frozenset[ServiceRef] | None = None
    fields: frozenset[str] | None = None
    consent: bool = False
    question: Question | None = None
    benefit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One service that may be asked, and the clause to ask it under.

    ``fields`` is what the role may have of what is sought. ``required_marks`` are the agreement's: its agency is asked
    only while it holds them.
    """

    agreement: AgreementRef
    title: str
    clause: Clause
    holder: ServiceRef
    fields: frozenset[str]
    required_marks: tuple[str, ...] = ()


def choose_clause(agreements: Iterable[InForce], sought: Sought) -> tuple[Choice, ...]:
    """Return one choice for each service that may be asked, in the order of their names.

    Only the newest version of an agreement counts. Where several clauses fit one service, one that rests on no consent
    wins unless there is a record of it; then the one that gives the role most of the fields sought; then one of
    unconditional existence; then the first by agreement and clause id, so that the same question is always asked in the
    same way. The asking service itself is never among the holders.
    """
    best: dict[ServiceRef, Choice] = {}
    for choice in _fitting(_newest(agreements), sought):
        held = best.get(choice.holder)
        if held is None or _rank(choice, sought) < _rank(held, sought):
            best[choice.holder] = choice
    return tuple(best[holder] for holder in sorted(best, key=str))


def explain_no_choice(agreements: Sequence[InForce | NotInForce], sought: Sought) -> Denial:
    """Say why :func:`choose_clause` found nothing, given every agreement on record.

    Where one would permit it and does not bind, that is why, by its highest version; else it is the first step at which
    no clause was left.
    """
    binding = _newest(held for held in agreements if isinstance(held, InForce))
    replaced = {held.agreement.id for held in binding}
    for held in sorted(agreements, key=lambda each: (each.agreement.id, -each.agreement.version)):
        if isinstance(held, InForce) or held.agreement.id in replaced:
            continue
        if any(_fitting([held], sought)):
            named = f"{held.agreement.id} version {held.agreement.version}"
            return deny(DenialCode.AGREEMENT_NOT_IN_FORCE, detail=f"{named}: {held.reason}")
    clauses = [clause for held in binding for clause in held.agreement.clauses if sought.asker in clause.askers]
    if not clauses:
        return deny(DenialCode.NO_AGREEMENT)
    for code, fits, known in _steps(sought):
        left = [clause for clause in clauses if fits(clause)]
        if not left:
            listed = sorted({str(name) for clause in clauses for name in known(clause)})
            return deny(code, detail=f"Known here: {_listed(listed)}." if listed else "")
        clauses = left
    return deny(DenialCode.NO_AGREEMENT)


_Step = tuple[DenialCode, Callable[[Clause], bool], Callable[[Clause], Iterable[str]]]


def _steps(sought: Sought) -> tuple[_Step, ...]:
    """Return what a clause must fit, in order, with the denial of the first that none does and what would fit."""
    return (
        (DenialCode.KIND_NOT_COVERED, lambda clause: clause.kind == sought.kind, lambda _: ()),
        (
            DenialCode.PURPOSE_NOT_COVERED,
            lambda clause: clause.purpose == sought.purpose,
            lambda clause: (clause.purpose,),
        ),
        (DenialCode.SERVICE_NOT_COVERED, lambda clause: bool(_holders(clause, sought)), lambda _: ()),
        (
            DenialCode.ROLE_NOT_PERMITTED,
            lambda clause: sought.role in clause.fields_by_role,
            lambda clause: clause.fields_by_role,
        ),
        (
            DenialCode.QUESTION_NOT_PERMITTED,
            lambda clause: sought.question is None or sought.question in clause.questions,
            lambda clause: clause.questions,
        ),
        (
            DenialCode.BENEFIT_NOT_PERMITTED,
            lambda clause: _covers_benefit(clause, sought),
            lambda clause: clause.benefits,
        ),
    )


def _covers_benefit(clause: Clause, sought: Sought) -> bool:
    return sought.benefit is None or not clause.benefits or sought.benefit in clause.benefits


def check_requested_fields(clause: Clause, role: RoleCode, requested: Collection[str]) -> None:
    """Refuse, before anything is sent, fields that the clause does not give this role (assertion A48).

    Raises :class:`FieldsNotPermitted`, naming them and what may be asked for.
    """
    permitted = clause.fields_by_role.get(role, frozenset())
    excess = sorted(set(requested) - permitted)
    if excess:
        raise FieldsNotPermitted(
            f"This role may not have {_listed(excess)} under this clause. It may ask for {_listed(sorted(permitted))}."
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(shown(name) for name in names) or "nothing"


def _newest(agreements: Iterable[InForce]) -> tuple[InForce, ...]:
    newest: dict[AgreementId, InForce] = {}
    for held in sorted(agreements, key=lambda held: held.agreement.version):
        newest[held.agreement.id] = held
    return tuple(newest.values())


def _fitting(agreements: Iterable[InForce | NotInForce], sought: Sought) -> Iterator[Choice]:
    for held in agreements:
        for clause in held.agreement.clauses:
            if not _permits(clause, sought):
                continue
            for holder in _holders(clause, sought):
                yield Choice(
                    agreement=held.agreement.ref,
                    title=held.agreement.title,
                    clause=clause,
                    holder=holder,
                    fields=_fields(clause, sought),
                    required_marks=held.agreement.required_marks,
                )


def _permits(clause: Clause, sought: Sought) -> bool:
    return (
        sought.asker in clause.askers
        and clause.kind == sought.kind
        and clause.purpose == sought.purpose
        and sought.role in clause.fields_by_role
        and (sought.question is None or sought.question in clause.questions)
        and _covers_benefit(clause, sought)
    )


def _holders(clause: Clause, sought: Sought) -> frozenset[ServiceRef]:
    others = clause.holders - {sought.asker}
    return others if sought.holders is None else others & sought.holders


def _fields(clause: Clause, sought: Sought) -> frozenset[str]:
    permitted = clause.fields_by_role[sought.role]
    return permitted if sought.fields is None else permitted & sought.fields


def _rank(choice: Choice, sought: Sought) -> tuple[bool, int, bool, str, str]:
    return (
        bool(choice.clause.consent_roles) and not sought.consent,
        -len(choice.fields),
        choice.clause.existence is Existence.CONDITIONAL,
        choice.agreement.id,
        choice.clause.id,
    )
