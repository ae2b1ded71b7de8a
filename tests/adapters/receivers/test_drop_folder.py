"""A drop folder gets each message once, whole and durably, under a name that says nothing of a person."""

import json
import multiprocessing
import os
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from adapters.contract import (
    Adapter,
    AdapterContext,
    CheckLine,
    Deadline,
    DeliveredMessage,
    MessageRejected,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.receiver_conformance import SAMPLE_MESSAGE, ReceiverTrial, run_receiver
from adapters.receivers import drop_folder
from adapters.receivers.drop_folder import FACTORY, DropFolder, DropFolderSettings, file_stem


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def build(context: AdapterContext, **settings: object) -> Adapter:
    return FACTORY.build(DropFolderSettings.model_validate({"folder": "in", **settings}), context)


def receiver(context: AdapterContext, **settings: object) -> DropFolder:
    built = build(context, **settings).receiver
    assert isinstance(built, DropFolder)
    return built


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_message_is_one_json_file_named_by_its_id(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline
) -> None:
    ref = receiver(context).receive(message, deadline=soon)
    assert (ref, files(folder)) == (message.message_id, [f"{message.message_id}.json"])
    path = folder / f"{ref}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["document"] == message.document
    assert (content["received_at"], content["reference"]) == ("2026-11-30T13:59:07Z", "HG-7Q2M4K9D")


def test_a_message_is_one_xml_file(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline
) -> None:
    receiver(context, format="xml", readable_by="owner").receive(message, deadline=soon)
    path = folder / f"{message.message_id}.xml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    root = etree.parse(str(path)).getroot()
    assert root.findtext("document/persons/item/subject/family_name") == "Quillfeather"
    assert [item.findtext("text") for item in root.iterfind("document/statements/item")] == [
        statement["text"] for statement in message.document["statements"]
    ]
    assert (root.findtext("not_linked"), root.findtext("document/details/marac")) == ("true", "true")


@pytest.mark.parametrize(
    "text",
    [
        "</text><urgency>green</urgency>",
        "]]><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;",
        "\x1b[2J\x00\x07bell",
        '=HYPERLINK("http://evil.example")',
        "a\u202egnp.exe",
        "\ud800\ufffe\uffff",
    ],
)
@pytest.mark.parametrize("kind", ["json", "xml"])
@pytest.mark.holds("A51")
def test_hostile_text_is_only_text(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline, kind: str, text: str
) -> None:
    hostile = {"statements": [{"text": text, text: text}], "xml-stylesheet": text}
    receiver(context, format=kind).receive(replace(message, document=hostile), deadline=soon)
    raw = (folder / f"{message.message_id}.{kind}").read_bytes()
    assert not set(raw) & {0x00, 0x07, 0x1B}
    assert "\u202e" not in raw.decode()
    if kind == "json":
        assert json.loads(raw)["urgency"] == "amber"
    else:
        root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False))
        assert [element.text for element in root.iter("urgency")] == ["amber"]
        assert root.getroottree().docinfo.internalDTD is None


@pytest.mark.parametrize("message_id", ["Abc", "..", "a.b~c", "x" * 128, "con"])
def test_a_name_is_safe_on_every_file_system(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline, message_id: str
) -> None:
    receiver(context).receive(replace(message, message_id=message_id), deadline=soon)
    (name,) = files(folder)
    assert name == f"{file_stem(message_id)}.json"
    assert len(name) < 100 and name == name.lower()  # noqa: PT018 - one name


def test_ids_that_differ_in_case_are_two_files() -> None:
    assert file_stem("ABC").lower() != file_stem("abc").lower()


def test_the_same_message_again_writes_nothing(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline
) -> None:
    first = receiver(context).receive(message, deadline=soon)
    before = (folder / f"{first}.json").read_bytes()
    assert receiver(context).receive(replace(message, linked_ref="P-7", not_linked=False), deadline=soon) == first
    assert (folder / f"{first}.json").read_bytes() == before


def test_an_imported_file_does_not_come_back(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline
) -> None:
    first = receiver(context).receive(message, deadline=soon)
    (folder / f"{first}.json").unlink()
    assert receiver(context).receive(message, deadline=soon) == first
    assert files(folder) == []


def test_threads_that_deliver_one_message_write_one_file(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline
) -> None:
    one = receiver(context)
    with ThreadPoolExecutor(8) as pool:
        refs = set(pool.map(lambda _: one.receive(message, deadline=soon), range(16)))
    assert refs == {message.message_id}
    assert files(folder) == [f"{message.message_id}.json"]


def _die_at(point: str, context: AdapterContext, message: DeliveredMessage) -> None:
    """Deliver in this process, which is killed when it comes to ``point``."""

    def die(*_unused: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    owner, _, name = point.rpartition(".")
    setattr({"os": os, "folder": DropFolder, "module": drop_folder}[owner], name, die)
    receiver(context).receive(message, deadline=Deadline.after(5))


@pytest.mark.parametrize("point", ["os.pwrite", "os.fsync", "os.fchmod", "module._sync_folder", "folder._mark"])
def test_a_writer_that_was_killed_leaves_no_part_and_no_second_file(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline, point: str
) -> None:
    process = multiprocessing.get_context("fork").Process(target=_die_at, args=(point, context, message))
    process.start()
    process.join(10)
    assert process.exitcode == -signal.SIGKILL
    visible = [name for name in files(folder) if not name.startswith(".")]
    for name in visible:
        json.loads((folder / name).read_text())
    ref = receiver(context).receive(message, deadline=soon)
    assert files(folder) == [f"{ref}.json"]
    assert json.loads((folder / f"{ref}.json").read_text())["document"] == message.document


def test_data_is_synced_before_the_rename_and_the_folder_after_it(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, Path.rename

    def record_sync(file: int) -> None:
        is_folder = os.path.samestat(os.fstat(file), folder.stat())
        steps.append("folder" if is_folder else "file" if stat.S_ISREG(os.fstat(file).st_mode) else "marks")
        sync(file)

    def record_rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(Path, "rename", record_rename)
    receiver(context).receive(message, deadline=soon)
    assert steps == ["file", "rename", "folder", "marks"]


def test_a_full_disk_is_an_outage_and_leaves_no_part(
    folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_unused: object) -> int:
        raise OSError(28, "No space left on device", str(folder / "Quillfeather"))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(SourceUnavailable, match="No space left") as refused:
            receiver(context).receive(message, deadline=soon)
    assert "Quillfeather" not in str(refused.value)
    assert files(folder) == []
    receiver(context).receive(message, deadline=soon)


@pytest.fixture
def acknowledged(folder: Path) -> Path:
    (folder.parent / "done").mkdir()
    return folder.parent / "done"


class TestProof:
    def test_a_folder_of_acknowledgements(
        self, acknowledged: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline
    ) -> None:
        proving = receiver(context, acknowledgements="done")
        ids = [message.message_id, "B", "c"]
        assert proving.can_prove
        assert proving.holds(ids, deadline=soon) == frozenset()
        (acknowledged / f"{file_stem('B')}.ack").touch()
        (acknowledged / f"{message.message_id}.json").touch()
        assert proving.holds(ids, deadline=soon) == {"B", message.message_id}

    def test_a_list_of_ids_whose_last_line_is_whole(
        self, folder: Path, context: AdapterContext, soon: Deadline
    ) -> None:
        listed = folder.parent / "imported.txt"
        listed.write_bytes(b"B\r\n" + file_stem("C").encode() + b"\nunasked\n\xff\nD")
        proving = receiver(context, acknowledgement_list="imported.txt")
        assert proving.holds(["B", "C", "D", "E"], deadline=soon) == {"B", "C"}

    def test_what_cannot_be_read_is_no_absence(self, folder: Path, context: AdapterContext, soon: Deadline) -> None:
        for settings in ({"acknowledgements": "gone"}, {"acknowledgement_list": "gone.txt"}):
            with pytest.raises(SourceUnavailable, match="No such file"):
                receiver(context, **settings).holds(["B"], deadline=soon)

    def test_without_acknowledgements_nothing_is_proved(
        self, folder: Path, context: AdapterContext, soon: Deadline
    ) -> None:
        assert not receiver(context).can_prove
        with pytest.raises(SourceUnavailable, match="cannot be proved"):
            receiver(context).holds(["B"], deadline=soon)

    def test_an_acknowledged_message_is_not_written_again(
        self, folder: Path, acknowledged: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline
    ) -> None:
        (acknowledged / f"{message.message_id}.ack").touch()
        receiver(context, acknowledgements="done").receive(message, deadline=soon)
        assert files(folder) == []

    def test_a_file_that_the_case_system_refused_is_refused(
        self, folder: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline
    ) -> None:
        (folder.parent / "refused").mkdir()
        refusing = receiver(context, refused="refused")
        ref = refusing.receive(message, deadline=soon)
        (folder / f"{ref}.json").rename(folder.parent / "refused" / f"{ref}.json")
        with pytest.raises(MessageRejected):
            refusing.receive(message, deadline=soon)


def test_a_missing_folder_is_an_outage(context: AdapterContext, message: DeliveredMessage, soon: Deadline) -> None:
    with pytest.raises(SourceUnavailable, match="No such file"):
        receiver(context).receive(message, deadline=soon)


def test_a_call_ends_by_its_deadline(folder: Path, context: AdapterContext, message: DeliveredMessage) -> None:
    with pytest.raises(SourceUnavailable, match="in time"):
        receiver(context).receive(message, deadline=Deadline.after(0))
    assert files(folder) == []


def test_a_drive_that_hangs_ends_the_call_by_its_deadline(
    folder: Path, context: AdapterContext, soon: Deadline
) -> None:
    """A pipe that is read before any writer hangs as a network drive does: in the operating system."""
    pipe = folder.parent / "imported.txt"
    os.mkfifo(pipe)
    hanging = receiver(context, acknowledgement_list="imported.txt")
    with pytest.raises(SourceUnavailable, match="in time"):
        hanging.holds(["B"], deadline=Deadline.after(0.2))
    pipe.write_bytes(b"")  # lets the thread that was left behind end
    pipe.unlink()
    pipe.write_bytes(b"B\n")
    assert hanging.holds(["B"], deadline=soon) == {"B"}


class TestCheck:
    def lines(self, context: AdapterContext, **settings: object) -> list[CheckLine]:
        (check,) = build(context, **settings).checks
        return list(check(deadline=Deadline.after(5)))

    def test_good_folders_pass_and_nothing_is_written(self, folder: Path, context: AdapterContext) -> None:
        assert [line.ok for line in self.lines(context)] == [True]
        assert list(folder.iterdir()) == []

    def test_every_missing_place_is_named(self, context: AdapterContext) -> None:
        (line,) = self.lines(context, refused="x", acknowledgement_list="y")
        assert not line.ok
        assert [name in line.detail for name in ("folder is", "refused is", "acknowledgement_list is")] == [True] * 3

    def test_an_old_part_is_told(self, folder: Path, context: AdapterContext) -> None:
        (folder / ".x.part").touch()
        os.utime(folder / ".x.part", (1, 1))
        assert [line.warning for line in self.lines(context)] == [False, True]


def test_two_kinds_of_acknowledgement_are_a_fault() -> None:
    with pytest.raises(ValueError, match="not both"):
        DropFolderSettings.model_validate({"folder": "in", "acknowledgements": "a", "acknowledgement_list": "b"})


def test_it_keeps_every_promise(folder: Path, acknowledged: Path, context: AdapterContext) -> None:
    imported: list[str] = []

    def import_files() -> None:
        for path in folder.glob("*.json"):
            imported.append(json.loads(path.read_text())["message_id"])
            path.rename(acknowledged / path.name)

    (folder.parent / "refused").mkdir()
    (folder.parent / "refused" / f"{SAMPLE_MESSAGE.message_id}.json").touch()
    trial = ReceiverTrial(
        receiver=receiver(context, acknowledgements="done"),
        records=imported.count,
        import_now=import_files,
        names=lambda: files(folder) + files(acknowledged) + files(folder / ".delivered"),
        refusing=receiver(context, refused="refused"),
    )
    assert [line for line in run_receiver(trial) if not line.ok] == []
    assert len(imported) == 1


def test_without_its_marks_an_imported_file_would_come_back(
    folder: Path, context: AdapterContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DropFolder, "_mark", lambda *_unused: None)
    imported: list[str] = []

    def import_files() -> None:
        for path in folder.glob("*.json"):
            imported.append(json.loads(path.read_text())["message_id"])
            path.unlink()

    trial = ReceiverTrial(receiver=receiver(context), records=imported.count, import_now=import_files)
    assert [line.name for line in run_receiver(trial) if not line.ok] == ["messages: once"]


def test_a_list_that_is_too_long_is_not_read(
    folder: Path, context: AdapterContext, soon: Deadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drop_folder, "MAX_LIST_BYTES", 3)
    (folder.parent / "imported.txt").write_text("abcd\n")
    with pytest.raises(SourceNonsense, match="larger than"):
        receiver(context, acknowledgement_list="imported.txt").holds(["B"], deadline=soon)
