"""Check a draft, in TOML or as JSON, and give the bytes that its parties sign.

Every fault is named in one run, each with its line and with what the codes of practice ask of that part.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.settings import NodeSettings
from gateway.administration import agreement_summary as summary
from gateway.administration.context import now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from trust import strict_json
from trust.agreements.agreement import MAX_BYTES, Agreement, InForce, NotInForce, parse_agreement
from trust.agreements.draft import BLANK, check_draft
from trust.agreements.drafting_advice import advice_on, ask_by_the_codes
from trust.agreements.schedules import filled_in, why_not_under
from trust.agreements.signing import ask_about_draft
from trust.agreements.toml_draft import TomlDraft, read_toml, to_signed_form
from trust.exchange.errors import Fault
from trust.strict_json import JsonObject

_JSON_SUFFIX, _TOML_SUFFIX = ".json", ".toml"
_MISSING = "is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDraft:
    """A draft as far as it could be read: the bytes to sign, and every fault in the order of its lines."""

    raw: bytes
    agreement: Agreement
    faults: tuple[str, ...]


def check_file(file: Path, settings: NodeSettings | None, *, under: Path | None, out: Path | None) -> UseCaseResult:
    """Read a draft out, with what changes from the version that the node of ``settings`` holds.

    ``under`` is the overarching agreement of a schedule, where the node does not hold it; ``out`` is a new file for the
    JSON that is signed. Raises :class:`OperationRefused` with every fault. Nothing is stored.
    """
    standings = _standings(settings)
    overarching = [InForce(agreement=parse_agreement(read_draft(under)))] if under is not None else standings
    draft = inspect(file, overarching)
    refuse_faults(draft.faults)
    agreement = draft.agreement
    questions = list(_questions(agreement, overarching))
    changes = summary.change_lines(agreement, summary.version_before(agreement, standings))
    if out is not None:
        write_new(out, draft.raw, "The JSON of the agreement")
    return UseCaseResult(
        lines=[
            *summary.read_out_lines(agreement),
            *changes,
            *summary.question_lines(questions),
            "It is well formed. It binds no party until every party has signed it.",
            *([f"The JSON that the parties sign is in {out}."] if out is not None else []),
        ],
        data={**summary.agreement_json(agreement), "changes": changes[1:], "questions": questions},
    )


def read_draft(file: Path) -> bytes:
    """Return the bytes that are signed, of a draft in TOML or as they stand. Raises :class:`OperationRefused`.

    A draft in TOML is refused for every fault that it has; JSON is the caller's to check.
    """
    raw = read_input(file, "The agreement")
    if not _is_toml(file, raw):
        return raw
    draft = _inspect_toml(raw, ())
    refuse_faults(draft.faults)
    return draft.raw


def inspect(file: Path, standings: Sequence[InForce | NotInForce] = ()) -> CheckedDraft:
    """Read a draft and find every fault; ``standings`` are the agreements that a schedule may be under."""
    raw = read_input(file, "The agreement")
    if _is_toml(file, raw):
        return _inspect_toml(raw, standings)
    agreement, faults = check_draft(raw)
    document = strict_json.loads(raw, max_bytes=MAX_BYTES)
    lines = [_sentence(each) for each in _complete(agreement, faults, document, standings)]
    return CheckedDraft(raw=raw, agreement=agreement, faults=tuple(lines))


def refuse_faults(faults: Sequence[str]) -> None:
    """Raise :class:`OperationRefused` with the faults, where there are any."""
    if faults:
        many = "one mistake" if len(faults) == 1 else f"{len(faults)} mistakes"
        raise OperationRefused(f"The draft has {many}:", faults)


def _is_toml(file: Path, raw: bytes) -> bool:
    """Say whether a draft is in TOML, by its suffix or else by its first character: JSON begins with a brace."""
    suffix = file.suffix.lower()
    return suffix == _TOML_SUFFIX or (suffix != _JSON_SUFFIX and not raw.lstrip().startswith(b"{"))


def _inspect_toml(raw: bytes, standings: Sequence[InForce | NotInForce]) -> CheckedDraft:
    try:
        draft = read_toml(raw.decode("utf-8"))
    except UnicodeDecodeError as failed:
        raise OperationRefused(f"The draft is not UTF-8 text (byte {failed.start}); save it as UTF-8.") from failed
    signed_form = to_signed_form(draft.document)
    agreement, faults = check_draft(signed_form)
    placed = [(line, fault) for line, fault in draft.syntax.items()]
    whole = _complete(agreement, faults, draft.document, standings)
    placed += [(draft.line_of(fault.path), fault) for fault in whole if not _hidden(fault, draft)]
    placed.sort(key=lambda each: each[0])
    lines = tuple(f"line {line}: {_sentence(fault)}" for line, fault in placed)
    return CheckedDraft(raw=signed_form, agreement=agreement, faults=lines)


def _complete(
    agreement: Agreement, faults: Iterable[Fault], document: JsonObject, standings: Sequence[InForce | NotInForce]
) -> Iterator[Fault]:
    """Return the faults, with blanks called so, and with that of a schedule whose overarching agreement is known."""
    for fault in faults:
        blank = document.get(fault.path) == ""
        yield Fault(path=fault.path, problem=BLANK) if blank else fault
    reason = why_not_under(agreement, standings) if _is_held(agreement, standings) else ""
    if reason:
        yield Fault(path="under", problem=f"cannot be: {reason[0].lower()}{reason[1:-1]}")


def _is_held(agreement: Agreement, standings: Sequence[InForce | NotInForce]) -> bool:
    return agreement.under is not None and any(each.agreement.id == agreement.under.id for each in standings)


def _hidden(fault: Fault, draft: TomlDraft) -> bool:
    """Say whether a fault only follows from a line that cannot be read."""
    return fault.problem == _MISSING and any(
        fault.path == name or fault.path.startswith((f"{name}.", f"{name}[")) for name in draft.unread
    )


def _sentence(fault: Fault) -> str:
    advice = advice_on(fault.path)
    return f"{str(fault).rstrip('.')}. {advice}" if advice else str(fault)


def _questions(agreement: Agreement, standings: Sequence[InForce | NotInForce]) -> Iterator[str]:
    whole = agreement
    if agreement.under is not None:
        digest = agreement.under.digest
        above = next((each.agreement for each in standings if each.agreement.ref.digest == digest), None)
        if above is None:
            yield "The overarching agreement is not held here. Was the schedule read beside it (--under FILE)?"
        else:
            whole = filled_in(agreement, above)
    yield from ask_about_draft(whole)
    yield from ask_by_the_codes(whole)


def _standings(settings: NodeSettings | None) -> tuple[InForce | NotInForce, ...]:
    if settings is None:
        return ()
    with opened_store(settings) as store:
        return AgreementRegistry(store).standings(now=now())
