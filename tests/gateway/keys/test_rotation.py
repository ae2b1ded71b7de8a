"""The life of a key: published, waited for, signing, retired, gone; and how a change of the files is made, or not."""

import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.keys.files import NODE_KEYS, STATE_FILE, KeyFilesRefused, create_keys, sole_change
from gateway.keys.rotation import ChangeRefused, Draft, apply, draft_revocation, draft_rotation, record_starts
from gateway.keys.schedule import HEARD_WITHIN, MAX_BYTES, KeyRecord, Stage, lifecycles
from gateway.keys.vault import FileKeyVault, open_vault, read_records
from tests.simulator.clocks import MORNING, SetClock
from trust import jose
from trust.errors import UnknownKey
from trust.federation.historical_keys import RevocationReason
from trust.keys import KeySet, KeyUse

COMPROMISED = RevocationReason.COMPROMISED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "keys"
    create_keys(made)
    for path in made.iterdir():
        os.utime(path, (0, 0))
    return made


@pytest.fixture
def clock() -> SetClock:
    return SetClock(MORNING)


def opened(folder: Path, clock: SetClock, vouched: Mapping[str, datetime] | None = None) -> FileKeyVault:
    return open_vault(folder, now=clock.now, vouched_since=lambda: vouched or {})


def records(folder: Path) -> tuple[KeyRecord, ...]:
    return read_records(folder, NODE_KEYS)


def rotate(folder: Path, use: KeyUse, clock: SetClock, *, waits: bool = False) -> str:
    draft = draft_rotation(records(folder), use, at=clock.now(), awaits_superior=waits)
    apply(folder, draft, at=clock.now())
    assert draft.new_key is not None
    return draft.new_key.kid


def revoke(folder: Path, kid: str, clock: SetClock) -> Draft:
    draft = draft_revocation(records(folder), kid, COMPROMISED, at=clock.now())
    apply(folder, draft, at=clock.now())
    return draft


def test_a_rotation_is_published_waited_for_and_then_signs_unattended(folder: Path, clock: SetClock) -> None:
    vault, other = opened(folder, clock), opened(folder, clock)
    first = vault.signer(KeyUse.MESSAGE).kid
    second = rotate(folder, KeyUse.MESSAGE, clock)
    for each in (vault, other):  # two workers that were forked before the change
        assert [key.kid for key in each.published(KeyUse.MESSAGE).keys] == [first, second]
        assert each.signer(KeyUse.MESSAGE).kid == first
    clock.forward(minutes=15)
    for each in (vault, other, opened(folder, clock)):
        assert each.signer(KeyUse.MESSAGE).kid == second
        current, retired = each.published(KeyUse.MESSAGE).keys
        assert (current.kid, current.retired_at) == (second, None)
        assert (retired.kid, retired.retired_at) == (first, clock.now())
    clock.forward(days=15, hours=1)
    assert vault.published(KeyUse.MESSAGE).kids == other.published(KeyUse.MESSAGE).kids == {second}


def test_the_edition_tells_when_keys_are_published_again(folder: Path, clock: SetClock) -> None:
    vault = opened(folder, clock)
    seen = [vault.edition(), vault.edition()]
    rotate(folder, KeyUse.OAUTH, clock)
    seen.append(vault.edition())
    clock.forward(minutes=15)
    seen.append(vault.edition())
    assert seen[0] == seen[1] < seen[2] < seen[3]


def test_what_a_retired_key_signed_stands_and_what_is_dated_later_does_not(folder: Path, clock: SetClock) -> None:
    vault = opened(folder, clock)
    earlier = vault.signer(KeyUse.MESSAGE)
    rotate(folder, KeyUse.MESSAGE, clock)
    clock.forward(minutes=15)
    last = {"iat": int(clock.now().timestamp())}
    keys = vault.published(KeyUse.MESSAGE)
    assert jose.open_signed(jose.sign(last, typ="t", signer=earlier), typ="t", keys=keys).claims == last
    with pytest.raises(UnknownKey):
        jose.open_signed(jose.sign({"iat": last["iat"] + 1}, typ="t", signer=earlier), typ="t", keys=keys)


@pytest.mark.parametrize("use", [KeyUse.DPOP, KeyUse.EVIDENCE, KeyUse.ENCRYPTION])
def test_a_key_that_is_alone_takes_over_at_once(folder: Path, clock: SetClock, use: KeyUse) -> None:
    vault = opened(folder, clock)
    (before,) = vault.published(use).kids
    after = rotate(folder, use, clock)
    assert vault.published(use).kids == {after} != {before}
    with pytest.raises(ChangeRefused, match="used at once"):
        draft_rotation(records(folder), use, at=clock.now(), sign_after=timedelta(minutes=1))


def test_a_federation_key_waits_until_its_superior_has_been_seen_to_vouch_for_it(folder: Path, clock: SetClock) -> None:
    vouched: dict[str, datetime] = {}
    vault = opened(folder, clock, vouched)
    first = vault.signer(KeyUse.FEDERATION).kid
    second = rotate(folder, KeyUse.FEDERATION, clock, waits=True)
    clock.forward(days=30)
    assert vault.signer(KeyUse.FEDERATION).kid == first
    assert vault.published(KeyUse.FEDERATION).kids == {first, second}
    vouched[second] = clock.now()
    clock.forward(minutes=1)
    assert vault.signer(KeyUse.FEDERATION).kid == first
    clock.forward(minutes=14)
    assert vault.signer(KeyUse.FEDERATION).kid == second
    assert vault.published(KeyUse.FEDERATION).kids == {first, second}
    # written down, so that a lost store does not bring the earlier key back
    made = record_starts(records(folder), vouched_since=vouched)
    apply(folder, Draft(records=made, new_key=None), at=clock.now())
    vouched.clear()
    assert vault.signer(KeyUse.FEDERATION).kid == second
    clock.forward(hours=121)
    assert vault.published(KeyUse.FEDERATION).kids == {second}
    (past,) = vault.historical()
    assert (past.kid, past.revoked) == (first, None)


def test_a_second_rotation_waits_for_the_first(folder: Path, clock: SetClock) -> None:
    rotate(folder, KeyUse.MESSAGE, clock)
    with pytest.raises(ChangeRefused, match="rotated already"):
        draft_rotation(records(folder), KeyUse.MESSAGE, at=clock.now())
    clock.forward(minutes=15)
    for _ in range(14):
        rotate(folder, KeyUse.MESSAGE, clock)
        clock.forward(minutes=15)
    with pytest.raises(ChangeRefused, match="wait until one is gone"):
        draft_rotation(records(folder), KeyUse.MESSAGE, at=clock.now())
    assert len(opened(folder, clock).published(KeyUse.MESSAGE).keys) == 16


def test_a_revoked_key_goes_at_once_and_another_signs_at_once(folder: Path, clock: SetClock) -> None:
    vault = opened(folder, clock)
    first = vault.signer(KeyUse.FEDERATION).kid
    made = revoke(folder, first, clock).new_key
    assert made is not None
    assert vault.signer(KeyUse.FEDERATION).kid == made.kid
    assert vault.published(KeyUse.FEDERATION).kids == {made.kid}
    (past,) = vault.historical()
    assert past.kid == first
    assert past.revoked is not None
    assert (past.revoked.at, past.revoked.reason) == (clock.now(), "compromised")
    assert not (folder / "federation.pem").exists()
    with pytest.raises(ChangeRefused, match="revoked already"):
        revoke(folder, first, clock)
    with pytest.raises(ChangeRefused, match="trust key list"):
        revoke(folder, "nobody's", clock)


def test_the_key_that_peers_know_already_takes_over_from_a_revoked_one(folder: Path, clock: SetClock) -> None:
    vault = opened(folder, clock)
    first = vault.signer(KeyUse.MESSAGE).kid
    second = rotate(folder, KeyUse.MESSAGE, clock)
    assert revoke(folder, first, clock).new_key is None
    assert vault.signer(KeyUse.MESSAGE).kid == second
    assert vault.published(KeyUse.MESSAGE).kids == {second}


def test_a_next_or_a_retired_key_is_revoked_without_a_new_one(folder: Path, clock: SetClock) -> None:
    vault = opened(folder, clock)
    first = vault.signer(KeyUse.MESSAGE).kid
    second = rotate(folder, KeyUse.MESSAGE, clock)
    assert revoke(folder, second, clock).new_key is None
    assert vault.published(KeyUse.MESSAGE).kids == {first}
    third = rotate(folder, KeyUse.MESSAGE, clock)
    clock.forward(minutes=15)
    assert vault.published(KeyUse.MESSAGE).kids == {first, third}
    assert revoke(folder, first, clock).new_key is None
    assert vault.published(KeyUse.MESSAGE).kids == {third}
    assert vault.historical() == ()  # who stole a message key must not find it among those that signed statements


def test_private_keys_are_erased_once_they_are_not_needed(folder: Path, clock: SetClock) -> None:
    rotate(folder, KeyUse.MESSAGE, clock)
    rotate(folder, KeyUse.ENCRYPTION, clock)
    clock.forward(minutes=26)
    rotate(folder, KeyUse.DPOP, clock)
    assert not (folder / "message.pem").exists()
    assert (folder / "encryption.pem").exists()  # what rests may still be encrypted to it
    clock.forward(days=21)
    rotate(folder, KeyUse.DPOP, clock)
    assert not (folder / "encryption.pem").exists()
    stages = {life.record.kid: life.stage(clock.now()) for life in lifecycles(records(folder), vouched_since={})}
    assert list(stages.values()).count(Stage.GONE) == 4
    opened(folder, clock)


def test_a_change_that_cannot_be_written_changes_nothing(
    folder: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", full)
        with pytest.raises(KeyFilesRefused, match="No space left"):
            rotate(folder, KeyUse.MESSAGE, clock)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_two_commands_do_not_change_the_keys_at_once(folder: Path) -> None:
    with sole_change(folder), pytest.raises(KeyFilesRefused, match="another command"), sole_change(folder):
        pass
    with sole_change(folder):
        pass


@pytest.mark.holds("A60")
@pytest.mark.parametrize("mode", [0o640, 0o602], ids=["group may read", "others may write"])
def test_new_files_are_their_owners_only_or_nothing_opens(folder: Path, clock: SetClock, mode: int) -> None:
    kid = rotate(folder, KeyUse.MESSAGE, clock)
    made = next(record.file for record in records(folder) if record.kid == kid)
    assert made is not None
    for name in (STATE_FILE, made):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        (folder / name).chmod(mode)
        with pytest.raises(KeyFilesRefused, match=f"chmod 600 .*{name}"):
            opened(folder, clock)
        (folder / name).chmod(0o600)
    opened(folder, clock)


def test_a_damaged_record_is_refused_with_what_to_do(folder: Path, clock: SetClock) -> None:
    kid = rotate(folder, KeyUse.MESSAGE, clock)
    path = folder / STATE_FILE
    good = path.read_bytes()
    damaged = [b"{", good.replace(b'"version":1', b'"version":2'), good.replace(b'"file":"', b'"file":"../'), b"x" * 9]
    for raw in damaged:
        path.write_bytes(raw)
        with pytest.raises(KeyFilesRefused, match=f"{STATE_FILE}.*from your backup"):
            opened(folder, clock)
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(KeyFilesRefused, match="too large"):
        opened(folder, clock)
    path.write_bytes(good)
    made = next(record.file for record in records(folder) if record.kid == kid)
    assert made is not None
    (folder / made).write_bytes((folder / "oauth.pem").read_bytes())
    with pytest.raises(KeyFilesRefused, match="another key than state"):
        opened(folder, clock)


def test_a_running_worker_signs_on_where_a_change_cannot_be_read_and_follows_once_it_can(
    folder: Path, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    vault = opened(folder, clock)
    first = vault.signer(KeyUse.DPOP).kid
    second = rotate(folder, KeyUse.DPOP, clock)
    (folder / STATE_FILE).chmod(0o644)
    assert vault.signer(KeyUse.DPOP).kid == first
    assert "chmod 600" in caplog.text
    (folder / STATE_FILE).chmod(0o600)
    clock.forward(seconds=30)
    assert vault.signer(KeyUse.DPOP).kid == second


def test_a_clock_before_every_key_lets_the_oldest_sign(folder: Path, clock: SetClock) -> None:
    first = opened(folder, clock).signer(KeyUse.MESSAGE).kid
    rotate(folder, KeyUse.MESSAGE, clock)
    clock.moment = datetime(1969, 1, 1, tzinfo=UTC)
    assert opened(folder, clock).signer(KeyUse.MESSAGE).kid == first


def test_the_wait_is_longer_than_peers_take_to_ask_again(folder: Path, clock: SetClock) -> None:
    made = draft_rotation(records(folder), KeyUse.MESSAGE, at=clock.now()).new_key
    assert made is not None
    assert made.signs_from - clock.now() == HEARD_WITHIN > timedelta(minutes=5 + 5 + 1)


def test_sets_of_both_hosts_agree_when_the_folder_is_copied(folder: Path, clock: SetClock, tmp_path: Path) -> None:
    rotate(folder, KeyUse.OAUTH, clock)
    copied = tmp_path / "other-host"
    copied.mkdir(mode=0o700)
    for path in folder.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
        (copied / path.name).chmod(0o600)
    here, there = opened(folder, clock), opened(copied, clock)
    for _ in range(3):
        assert here.signer(KeyUse.OAUTH).kid == there.signer(KeyUse.OAUTH).kid
        assert isinstance(here.published(KeyUse.OAUTH), KeySet)
        assert here.published(KeyUse.OAUTH).kids == there.published(KeyUse.OAUTH).kids
        clock.forward(minutes=15)
