"""The errors that an administrator can correct, as one sentence and a list of faults."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy.exc import OperationalError

from adapters.contract import AdapterError
from config.loading import ConfigError
from gateway.authority.errors import MemberChanged
from gateway.keys.files import KeyFilesRefused
from gateway.keys.rotation import ChangeRefused
from gateway.ports import PeerRefused, StoreBusy, StoreFull, StoreOutcomeUnknown, TransportError
from gateway.store.engine.refusals import StoreRefused
from gateway.store.tables.agreements import AgreementConflict
from gateway.store.tables.clients import ClientExists
from trust.errors import TrustError
from trust.exchange.errors import MalformedDocument

_NO_WAY = (
    "Check the address, that what is there runs, and the way to it: its name in the DNS, the firewall, and [hosts], "
    "[networks] and [proxy] of the configuration."
)


class OperationRefused(Exception):
    """A use case refuses to act; ``str()`` says why and what to do, ``faults`` lists every single fault."""

    def __init__(self, sentence: str, faults: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.faults = tuple(faults)


CORRECTABLE: Final[tuple[type[Exception], ...]] = (
    OperationRefused,
    ConfigError,
    KeyFilesRefused,
    ChangeRefused,
    AdapterError,
    StoreRefused,
    StoreBusy,
    StoreFull,
    StoreOutcomeUnknown,
    AgreementConflict,
    ClientExists,
    MemberChanged,
    TransportError,
    PeerRefused,
    TrustError,
    OperationalError,
)
"""The exceptions that an administrator can correct; any other is a fault of this software."""


def describe_error(refused: BaseException) -> tuple[str, tuple[str, ...]]:
    """Return a first sentence, and every single fault if there are several."""
    faults = tuple(str(fault) for fault in getattr(refused, "faults", ()))
    if isinstance(refused, OperationalError):
        return "The store's database cannot be reached; check [store] url in the configuration, and the server.", ()
    if isinstance(refused, MalformedDocument):
        return _count_faults("The document", faults), faults
    if isinstance(refused, AdapterError) and faults:
        return refused.detail.partition(": ")[0] + ":", faults
    sentence = str(refused).partition("\n")[0]
    return f"{sentence}. {_NO_WAY}" if isinstance(refused, TransportError) else sentence, faults


def _count_faults(what: str, faults: Sequence[str]) -> str:
    return f"{what} has " + ("one mistake:" if len(faults) == 1 else f"{len(faults)} mistakes:")


def line_faults(texts: Iterable[tuple[str, str | None]], *, limit: int) -> list[str]:
    """Return a fault for each option whose text is empty, too long or more than one line."""
    return [
        f"{option}: write 1 to {limit} characters on one line"
        for option, text in texts
        if not text or not text.strip() or len(text) > limit or not text.isprintable()
    ]


def refuse_line(option: str, text: str, *, limit: int) -> None:
    """Raise :class:`OperationRefused` for a text that is empty, too long or more than one line."""
    for fault in line_faults([(option, text)], limit=limit):
        raise OperationRefused(f"{fault}.")
