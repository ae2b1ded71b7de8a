"""The faults that an administrator can do something about, as one sentence and a list; never a traceback."""

from collections.abc import Sequence

_NO_WAY = (
    "Check the address, that what is there runs, and the way to it: its name in the DNS, the firewall, and [hosts], "
    "[networks] and [proxy] of the configuration."
)


class Refused(Exception):
    """A command will not do what it was asked; ``str()`` says why and what to do, ``faults`` what else is wrong."""

    def __init__(self, sentence: str, faults: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.faults = tuple(faults)


def expected() -> tuple[type[Exception], ...]:
    """Return the exceptions that are somebody's to correct. Asked only once something was raised."""
    from sqlalchemy.exc import OperationalError

    from adapters.contract import AdapterError
    from config.loading import ConfigError
    from gateway.keys.files import KeyFilesRefused
    from gateway.keys.rotation import ChangeRefused
    from gateway.ports import PeerRefused, StoreBusy, StoreFull, TransportError
    from gateway.store.engine.refusals import StoreRefused
    from gateway.store.tables.agreements import AgreementConflict
    from gateway.store.tables.clients import ClientExists
    from trust.errors import TrustError

    return (
        Refused,
        ConfigError,
        KeyFilesRefused,
        ChangeRefused,
        AdapterError,
        StoreRefused,
        StoreBusy,
        StoreFull,
        AgreementConflict,
        ClientExists,
        TransportError,
        PeerRefused,
        TrustError,
        OperationalError,
    )


def read_faults(refused: BaseException) -> tuple[str, tuple[str, ...]]:
    """Return what to say: a first sentence, and every single fault where there are several."""
    from sqlalchemy.exc import OperationalError

    from adapters.contract import AdapterError
    from gateway.ports import TransportError
    from trust.exchange.errors import MalformedDocument

    faults = tuple(str(fault) for fault in getattr(refused, "faults", ()))
    if isinstance(refused, OperationalError):
        return "The store's database cannot be reached; check [store] url in the configuration, and the server.", ()
    if isinstance(refused, MalformedDocument):
        return _counted("The document", faults), faults
    if isinstance(refused, AdapterError) and faults:
        return refused.detail.partition(": ")[0] + ":", faults
    sentence = str(refused).partition("\n")[0]
    return f"{sentence}. {_NO_WAY}" if isinstance(refused, TransportError) else sentence, faults


def _counted(what: str, faults: Sequence[str]) -> str:
    return f"{what} has " + ("one mistake:" if len(faults) == 1 else f"{len(faults)} mistakes:")
