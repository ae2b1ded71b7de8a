"""Adapter ``drop-folder``: one XML or JSON file for each message, which the case system imports.

1. A file is written under a temporary name, synced, renamed, and its folder is synced: an importer never sees a part.
2. The name comes from the message id alone. Files are readable by their owner, and by the folder's group if set.
3. A mark of each delivered file stays in ``.delivered``, empty, so that an imported file is not written again.
4. ``holds`` reads what the case system writes: a folder of acknowledgements, or a list of ids.
5. A network drive can hang, and no call of the operating system takes a deadline: each call runs in a thread that is
   left behind then. A call that is completed late is harmless, since every call may be repeated.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Thread
from time import sleep, time
from typing import Final, Literal, Self, TypeVar

from lxml import etree
from pydantic import BaseModel, ConfigDict, model_validator

from adapters.contract import (
    Adapter,
    AdapterContext,
    AdapterError,
    CheckLine,
    Deadline,
    DeliveredMessage,
    MessageRejected,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.receivers.message import message_to_json
from adapters.receivers.message_xml import add_fields

MAX_LIST_BYTES: Final = 64 * 1024 * 1024
_PLAIN_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_DELIVERED: Final = ".delivered"
_LOCKED_PAUSE_S: Final = 0.005
_OLD_S: Final = 3600.0
_MOST_CALLS: Final = 8
"""Concurrent calls to one folder; those that hang keep their place."""
_Result = TypeVar("_Result")
_MODES: Final = {"owner": 0o600, "group": 0o640, "group-writes": 0o660}


class DropFolderSettings(BaseModel):
    """``[services.receiver.settings]`` of type ``drop-folder``; paths are relative to the configuration file.

    The case system writes ``acknowledgements`` (a folder with a file for each message, of the same name or ending in
    ``.ack``) or ``acknowledgement_list`` (a text file with a message id, or file name without its ending, on each
    line). ``refused`` is the folder to which it moves a file that it cannot import.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    format: Literal["json", "xml"] = "json"
    readable_by: Literal["owner", "group", "group-writes"] = "group"
    acknowledgements: Path | None = None
    acknowledgement_list: Path | None = None
    refused: Path | None = None

    @model_validator(mode="after")
    def _one_acknowledgement(self) -> Self:
        if self.acknowledgements is not None and self.acknowledgement_list is not None:
            raise ValueError("give acknowledgements or acknowledgement_list, not both")
        return self


class DropFolder:
    """A :class:`~adapters.contract.Receiver` into a folder; safe in several threads and processes."""

    def __init__(self, settings: DropFolderSettings, base_dir: Path) -> None:
        self._settings = settings
        self._calls = BoundedSemaphore(_MOST_CALLS)
        self._folder = base_dir / settings.folder
        self._acknowledgements = base_dir / settings.acknowledgements if settings.acknowledgements else None
        self._list = base_dir / settings.acknowledgement_list if settings.acknowledgement_list else None
        self._refused = base_dir / settings.refused if settings.refused else None

    @property
    def can_prove(self) -> bool:
        """Whether the case system acknowledges what it imported."""
        return self._acknowledgements is not None or self._list is not None

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        """Write the file, unless it was delivered before, and return its name without its ending."""
        return self._by(deadline, lambda: self._receive(delivery, deadline))

    def _receive(self, delivery: DeliveredMessage, deadline: Deadline) -> str:
        stem = file_stem(delivery.message_id)
        with _errors_of("drop folder"):
            if self._refused is not None and (self._refused / self._name(stem)).exists():
                raise MessageRejected("The case system moved the file of this message to its folder of refused files.")
            if not self._is_delivered(stem):
                self._deliver(stem, self._content(delivery), deadline)
        return stem

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        """Return the ids that the case system acknowledged."""
        if not self.can_prove:
            raise SourceUnavailable("This drop folder has no acknowledgements, so arrival cannot be proved.")
        return self._by(deadline, lambda: self._holds(message_ids, deadline))

    def _holds(self, message_ids: Sequence[str], deadline: Deadline) -> frozenset[str]:
        by_stem = {file_stem(message_id): message_id for message_id in message_ids}
        by_line = by_stem | {message_id: message_id for message_id in message_ids}
        with _errors_of("acknowledgements"):
            if self._list is not None:
                return frozenset(by_line[line] for line in _lines(self._list, deadline) if line in by_line)
            return frozenset(by_stem[stem] for stem in by_stem if self._is_acknowledged(stem, deadline))

    def check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Look at the folders without writing."""
        try:
            return self._by(deadline, self._look)
        except AdapterError as error:
            remedy = "Check that the drive answers."
            return (CheckLine(name="drop folder", ok=False, detail=error.detail, remedy=remedy),)

    def _look(self) -> Sequence[CheckLine]:
        needed = {"folder": (self._folder, os.W_OK | os.X_OK), "refused": (self._refused, os.X_OK)}
        needed["acknowledgements"] = self._acknowledgements, os.R_OK | os.X_OK
        faults = [
            f"{setting} is no folder that this account may use"
            for setting, (path, access) in needed.items()
            if path is not None and not (path.is_dir() and os.access(path, access))
        ]
        if self._list is not None and not (self._list.is_file() and os.access(self._list, os.R_OK)):
            faults.append("acknowledgement_list is no file that this account may read")
        if faults:
            remedy = "Correct the paths, or the rights of the node's account to them."
            return (CheckLine(name="drop folder", ok=False, detail=f"{'; '.join(faults)}.", remedy=remedy),)
        return (
            CheckLine(name="drop folder", ok=True, detail="It is a folder that this account may write to."),
            *self._leftovers(),
        )

    def _leftovers(self) -> Sequence[CheckLine]:
        """Warn of temporary files, which hold personal data, of writers that were killed over an hour ago."""
        with _errors_of("drop folder"), os.scandir(self._folder) as entries:
            parts = [entry for entry in entries if entry.name.startswith(".") and entry.name.endswith(".part")]
            old = sum(entry.stat(follow_symlinks=False).st_mtime < time() - _OLD_S for entry in parts)
        if not old:
            return ()
        detail = f"{old} temporary files of writers that were killed are over an hour old."
        remedy = "Delete the files .*.part there once no message waits for this case system."
        return (CheckLine(name="drop folder", ok=True, warning=True, detail=detail, remedy=remedy),)

    def _by(self, deadline: Deadline, call: Callable[[], _Result]) -> _Result:
        """Return what ``call`` returns, if it ends in time. Raises :class:`SourceUnavailable`."""
        if deadline.remaining_s() <= 0 or not self._calls.acquire(timeout=deadline.remaining_s()):
            raise SourceUnavailable("The drop folder did not answer in time.")
        future: Future[_Result] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except Exception as error:  # noqa: BLE001 - it is raised again where the call was made
                future.set_exception(error)
            finally:
                self._calls.release()

        Thread(target=run, name="drop-folder", daemon=True).start()
        try:
            return future.result(timeout=deadline.remaining_s())
        except FutureTimeout:
            raise SourceUnavailable("The drop folder did not answer in time.") from None

    def _name(self, stem: str) -> str:
        return f"{stem}.{self._settings.format}"

    def _is_delivered(self, stem: str) -> bool:
        if (self._folder / self._name(stem)).exists() or (self._folder / _DELIVERED / stem).exists():
            return True
        return self._acknowledgements is not None and self._is_acknowledged(stem, None)

    def _is_acknowledged(self, stem: str, deadline: Deadline | None) -> bool:
        """Return whether there is a file for the message. An unreadable folder is an error, never an absence."""
        folder = self._acknowledgements
        if folder is None:
            return False
        if deadline is not None and deadline.remaining_s() <= 0:
            raise SourceUnavailable("The acknowledgements were not read in time.")
        folder.stat()
        return any((folder / name).exists() for name in (self._name(stem), f"{stem}.ack"))

    def _deliver(self, stem: str, content: bytes, deadline: Deadline) -> None:
        temporary = self._folder / f".{stem}.part"
        with _locked(temporary, deadline) as file:
            if self._is_delivered(stem):  # by another thread or process, which held the lock
                temporary.unlink()
                return
            try:
                _write(file, content)
                os.fchmod(file, _MODES[self._settings.readable_by])
                temporary.rename(self._folder / self._name(stem))
            except OSError:
                with suppress(OSError):
                    temporary.unlink()
                raise
            _sync_folder(self._folder)
            self._mark(stem)

    def _mark(self, stem: str) -> None:
        folder = self._folder / _DELIVERED
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / stem).touch(mode=0o600)
        _sync_folder(folder)

    def _content(self, delivery: DeliveredMessage) -> bytes:
        fields = message_to_json(delivery)
        if self._settings.format == "json":
            return json.dumps(fields, ensure_ascii=False, indent=2).encode() + b"\n"
        root = etree.Element("message", version="1")
        add_fields(root, fields)
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def file_stem(message_id: str) -> str:
    """Return the file name of a message, without its ending, unique also where names ignore case."""
    if _PLAIN_ID.fullmatch(message_id):
        return message_id
    return "sha256-" + hashlib.sha256(message_id.encode()).hexdigest()


@contextmanager
def _errors_of(place: str) -> Iterator[None]:
    """Convert errors of the operating system, which hold paths, to one that names the place."""
    try:
        yield
    except OSError as error:
        raise SourceUnavailable(f"The {place} cannot be used: {error.strerror or 'unknown error'}.") from None


@contextmanager
def _locked(path: Path, deadline: Deadline) -> Iterator[int]:
    """Open the temporary file under an exclusive lock, also one that a crash left behind."""
    while True:
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The drop folder was not written to in time.")
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if _lock(file) and _is_at(file, path):  # a writer that was faster has renamed the file that it locked
                yield file
                return
        finally:
            os.close(file)
        sleep(_LOCKED_PAUSE_S)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False


def _write(file: int, content: bytes) -> None:
    os.ftruncate(file, 0)
    position = 0
    while position < len(content):
        position += os.pwrite(file, content[position:], position)
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lines(path: Path, deadline: Deadline) -> Iterator[str]:
    """Yield the lines of a list; the last one counts only once its line break was written."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > MAX_LIST_BYTES:
            raise SourceNonsense("The list of acknowledgements is larger than 64 MiB: have the case system shorten it.")
        for raw in file:
            if deadline.remaining_s() <= 0:
                raise SourceUnavailable("The list of acknowledgements was not read in time.")
            if raw.endswith(b"\n"):
                yield raw.strip().decode(errors="replace")


class DropFolderFactory:
    """The adapter type ``drop-folder``, which only receives."""

    settings_model = DropFolderSettings

    def build(self, settings: DropFolderSettings, context: AdapterContext) -> Adapter:
        """Build the receiver without opening anything."""
        receiver = DropFolder(settings, Path(context.base_dir))
        return Adapter(name="drop-folder", receiver=receiver, checks=(receiver.check,))


FACTORY: Final = DropFolderFactory()
