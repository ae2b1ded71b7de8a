"""The guards of delivery, each of which can be taken out to see that the seeded worlds find it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from types import ModuleType
from unittest.mock import patch

from gateway.delivery import receipts
from gateway.delivery.case_system import CaseSystemDelivery
from gateway.delivery.escalation import EscalationRound
from gateway.delivery.sending_policy import PolicyBatch
from gateway.store.engine import sqlite_files
from gateway.store.tables import inbox, messages, submissions
from trust.errors import Untrusted
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId

Guard = Callable[[], AbstractContextManager[object]]


def _nothing(*_: object, **__: object) -> None:
    return None


def _without(module: ModuleType, *names: str) -> AbstractContextManager[object]:
    """Have some functions of a module do nothing and return nothing."""
    patches = ExitStack()
    for name in names:
        patches.enter_context(patch.object(module, name, _nothing))
    return patches


def _goes_backwards() -> AbstractContextManager[object]:
    falling = count(0, -1)
    return patch.object(receipts, "_rank", lambda _progress: next(falling))


def _trusts_for_ever() -> AbstractContextManager[object]:
    real, seen = PolicyBatch.party, dict[EntityId, TrustedEntity]()

    def party(batch: PolicyBatch, entity: EntityId) -> TrustedEntity:
        try:
            seen[entity] = real(batch, entity)
        except Untrusted:
            if entity not in seen:
                raise
        return seen[entity]

    return patch.object(PolicyBatch, "party", party)


GUARDS: dict[str, Guard] = {
    "inbox-row": lambda: patch.object(inbox, "put", _nothing),
    "claim-on-id": lambda: _without(messages, "find", "claim"),
    "submission-key": lambda: _without(submissions, "find_by_key", "create"),
    "newest-version": lambda: _without(inbox, "find_successor", "supersede"),
    "progress-forward": _goes_backwards,
    "escalation": lambda: patch.object(EscalationRound, "round", _nothing),
    "sync-of-commits": lambda: patch.dict(sqlite_files.connect.__kwdefaults__, synchronous="NORMAL"),
    "search-for-losses": lambda: patch.object(CaseSystemDelivery, "verify", lambda *_: 0),
    "standing-before-sending": _trusts_for_ever,
}


@contextmanager
def without(guard: str) -> Iterator[None]:
    """Take a guard out."""
    with GUARDS[guard]():
        yield
