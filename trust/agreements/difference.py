"""Differences between two versions: permissions won and lost for each role, and changed terms, in sentences.

A permission is one role of one service, asking or sending to one other service, under one kind, purpose and set of the
kind's own words. Its fields are compared wherever a clause grants it, so a clause that is split, merged or renamed
without effect changes nothing here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.agreements.reading import PASSAGES, name_services, read_terms_out
from trust.exchange.kind import is_queued, join_words
from trust.exchange.kinds import KINDS
from trust.identifiers import KindName, PurposeCode, RoleCode, ServiceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDifference:
    """The sentences on what is permitted now, on what is permitted no more, and on what changes beside that."""

    permitted: tuple[str, ...]
    forbidden: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything, or one sentence that nothing changes."""
        return (*self.permitted, *self.forbidden, *self.changed) or ("Nothing changes but the version.",)


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class _What:
    """What one role does: the permission without the two services."""

    role: RoleCode
    kind: KindName
    purpose: PurposeCode
    words: tuple[tuple[str, tuple[str, ...]], ...]


_Ends = tuple[ServiceRef, ServiceRef]
_Permissions = Mapping[tuple[_What, _Ends], frozenset[str]]


def compare(old: Agreement, new: Agreement) -> VersionDifference:
    """Return what ``new`` changes of ``old``, both read as documents; whether they are in force is not looked at."""
    before, now = _permissions(old), _permissions(new)
    return VersionDifference(
        permitted=tuple(_sentences(now, before, new, gained=True)),
        forbidden=tuple(_sentences(before, now, old, gained=False)),
        changed=tuple(_changes(old, new)),
    )


def _permissions(agreement: Agreement) -> _Permissions:
    permissions: dict[tuple[_What, _Ends], frozenset[str]] = {}
    for clause in agreement.clauses:
        words = tuple(sorted((name, tuple(sorted(listed))) for name, listed in clause.lists.items() if listed))
        for role, fields in clause.fields_by_role.items():
            what = _What(role=role, kind=clause.kind, purpose=clause.purpose, words=words)
            for asker in clause.askers:
                for holder in clause.holders - {asker}:
                    key = (what, (asker, holder))
                    permissions[key] = permissions.get(key, frozenset()) | fields
    return permissions


def _sentences(these: _Permissions, those: _Permissions, agreement: Agreement, *, gained: bool) -> Iterator[str]:
    """Yield a sentence for what is in ``these`` and not in ``those``, alike permissions together."""
    alike: dict[tuple[_What, tuple[str, ...], bool], list[_Ends]] = {}
    for (what, ends), fields in these.items():
        other = those.get((what, ends))
        missing = fields if other is None else fields - other
        if missing or other is None:
            alike.setdefault((what, tuple(sorted(missing)), other is not None), []).append(ends)
    for (what, names, partly), pairs in sorted(alike.items()):
        for askers, holders in _blocks(pairs):
            who = f"a {what.role} of {name_services(askers, agreement)}"
            yield _sentence(what, who, name_services(holders, agreement), partly=partly, gained=gained) + (
                f": {join_words(names)}." if names else "."
            )


def _blocks(ends: Iterable[_Ends]) -> Iterator[tuple[frozenset[ServiceRef], frozenset[ServiceRef]]]:
    """Yield the pairs again as blocks in which each asker meets each holder, so that no sentence names a pair more."""
    holders: dict[ServiceRef, set[ServiceRef]] = {}
    for asker, holder in ends:
        holders.setdefault(asker, set()).add(holder)
    askers: dict[frozenset[ServiceRef], set[ServiceRef]] = {}
    for asker, asked in holders.items():
        askers.setdefault(frozenset(asked), set()).add(asker)
    for meets, group in sorted(askers.items(), key=lambda block: sorted(map(str, block[1]))):
        yield frozenset(group), meets


def _sentence(what: _What, who: str, others: str, *, partly: bool, gained: bool) -> str:
    """Return the sentence up to the fields, whose role keeps the permission with other fields if it is partly."""
    queued = is_queued(KINDS, what.kind)
    words = "".join(f"; {name.replace('_', ' ')}: {join_words(listed)}" for name, listed in what.words)
    about = f"({what.kind} for {what.purpose}{words})"
    if partly:
        verb = f"{'also' if gained else 'no longer'} {'sends' if queued else 'learns'}"
        return f"{'To' if queued else 'From'} {others} {about}, {who} {verb}"
    verb = f"may {'now' if gained else 'no longer'} {'send' if queued else 'ask'}"
    return f"{who[0].upper()}{who[1:]} {verb} {others} {about}"


def _changes(old: Agreement, new: Agreement) -> Iterator[str]:
    """Yield how the document's own words and the terms of its clauses change, permissions left out."""
    for passage in PASSAGES[1:]:  # the first names the version
        yield from _changed(f'"{passage.heading}"', passage.read(old), passage.read(new))
    for clause in new.clauses:
        before, now = old.clause(clause.id), read_terms_out(clause, new)
        if before is None:
            yield from (f"Clause {clause.id} is new: {line}" for line in now)
        else:
            yield from _changed(_named(clause), read_terms_out(before, old), now)
    yield from (f"Clause {clause.id} is taken out." for clause in old.clauses if new.clause(clause.id) is None)


def _changed(what: str, before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    yield from (f"{what} no longer says: {line}" for line in before if line not in now)
    yield from (f"{what} now says: {line}" for line in now if line not in before)


def _named(clause: Clause) -> str:
    return f"Clause {clause.id} (for {join_words(sorted(clause.fields_by_role))})"
