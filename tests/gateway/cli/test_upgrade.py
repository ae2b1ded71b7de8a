"""An upgrade says what it will do, makes a backup, migrates and checks; `--check` only says it."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import text

from config.loading import load
from gateway.administration import upgrade as upgrading
from gateway.store.engine.location import administration_engine, locate
from gateway.store.engine.sqlite_files import create_in_wal_mode
from gateway.store.migration import is_current_within
from gateway.store.schema import REVISION
from tests.gateway.cli.conftest import Partnership, hearthgate


class _Alive(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def old(partnership: Partnership) -> Partnership:
    """Give the council the store that the first version made."""
    database = partnership.root / "council" / "data" / "node.db"
    for path in database.parent.iterdir():
        path.unlink()
    create_in_wal_mode(database)
    with administration_engine(locate("sqlite:///data/node.db", base_dir=partnership.root / "council")).begin() as at:
        is_current_within(at, "0001_first")
    return partnership


def tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "-wal" not in path.name}


def test_a_check_says_what_would_change_and_changes_nothing(old: Partnership) -> None:
    before = tree(old.root / "council")
    answer = hearthgate("upgrade", "--check", "--config", old.config("council"), "--json")
    assert answer.code == 1
    assert answer.json["revision"] == "0001_first"
    assert answer.json["steps"][-1]["revision"] == REVISION
    assert {path: raw for path, raw in tree(old.root / "council").items() if "-shm" not in path.name} == before


def test_an_upgrade_makes_a_backup_then_migrates(old: Partnership) -> None:
    config = old.config("council")
    assert "hearthgate upgrade" in hearthgate("client", "list", "--config", config).err
    answer = hearthgate("upgrade", "--config", config, "--yes", "--json")
    assert answer.code == 0, answer.err
    kept = Path(answer.json["backup"])
    assert kept.parent == old.root / "council" / "backups"
    assert kept.stat().st_size > 10_000
    assert hearthgate("client", "list", "--config", config).code == 0
    again = hearthgate("upgrade", "--config", config, "--json")  # asks nothing, for there is nothing to do
    assert again.json["backup"] is None
    assert hearthgate("upgrade", "--check", "--config", config).code == 0


def test_an_upgrade_whose_backup_fails_changes_nothing(old: Partnership) -> None:
    config = old.config("council")
    refused = hearthgate("upgrade", "--config", config, "--yes", "--backup", old.root / "no" / "such" / "folder")
    assert refused.code == 1
    assert hearthgate("upgrade", "--check", "--config", config, "--json").json["revision"] == "0001_first"


def test_an_upgrade_is_refused_while_it_runs(old: Partnership) -> None:
    settings = load(old.config("council"), {})
    with HTTPServer(("127.0.0.1", int(settings.operations.bind.rpartition(":")[2])), _Alive) as server:
        answering = Thread(target=server.handle_request)
        answering.start()
        refused = hearthgate("upgrade", "--config", old.config("council"), "--yes")
        answering.join()
    assert refused.code == 1
    assert "It is running" in refused.err
    assert not (old.root / "council" / "backups").exists()


def test_a_store_of_a_newer_version_is_refused(old: Partnership) -> None:
    with administration_engine(locate("sqlite:///data/node.db", base_dir=old.root / "council")).begin() as at:
        at.execute(text("UPDATE alembic_version SET version_num = '0999_later'"))
    for words in (["--check"], ["--yes"]):
        refused = hearthgate("upgrade", "--config", old.config("council"), *words)
        assert refused.code == 1
        assert "a newer version made them" in refused.err


def test_a_check_names_settings_that_are_no_longer_taken(old: Partnership) -> None:
    config = old.config("council")
    config.write_text(config.read_text() + "\n[forgotten]\nsetting = 1\n", encoding="utf-8")
    answer = hearthgate("upgrade", "--check", "--config", config)
    assert answer.code == 1
    assert "forgotten: there is no such setting" in answer.out


def test_a_lost_file_of_single_use_ids_is_made_again(partnership: Partnership) -> None:
    claims = partnership.root / "council" / "data" / "node-claims.db"
    claims.unlink()
    assert hearthgate("upgrade", "--check", "--config", partnership.config("council")).code == 1
    assert hearthgate("upgrade", "--config", partnership.config("council"), "--yes").code == 0
    assert claims.exists()


def test_packages_of_other_versions_than_the_locked_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "runtime.txt"
    lock.write_text("click==0.0.1 \\\n    --hash=sha256:00\nno-such-package==1 ; sys_platform == 'win32'\n")
    (stray,) = upgrading.find_strays(lock)
    assert stray.startswith("click ")
    assert upgrading.find_strays(tmp_path / "none") == ()
    assert upgrading.find_strays(upgrading.LOCK) == ()
