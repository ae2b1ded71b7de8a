"""A flag is listed until its review, which takes what the list prints."""

import shlex
from datetime import UTC, datetime

import pytest

from config.loading import load
from config.settings import NodeSettings
from gateway.administration.context import opened_store
from gateway.administration.flags import MEANINGS
from gateway.store.tables import flags
from tests.gateway.cli.conftest import Answer, Partnership, hearthgate

ASKER = "https://police.example pYb3Zk0n8wqkq0e5wB4mX1lT5x7m0l1u6H2r9dS3cVo"


def flag(partnership: Partnership, *words: str) -> Answer:
    return hearthgate("flag", *words, "--config", partnership.config("council"))


@pytest.mark.parametrize("code", MEANINGS)
def test_what_the_list_writes_takes_the_flag_down(partnership: Partnership, code: str) -> None:
    settings = load(partnership.config("council"), {})
    assert isinstance(settings, NodeSettings)
    with opened_store(settings) as store:
        store.write(lambda tx: flags.raise_flag(tx, code=code, asker=ASKER, at=datetime.now(UTC)))
    first, second, _ = flag(partnership, "list").out.splitlines()
    written = [first.partition(":")[0], *shlex.split(second)]
    reviewed = flag(partnership, "review", *written, "--finding", "a busy day", "--yes")
    assert reviewed.code == 0, reviewed.err
    assert flag(partnership, "list").out.strip() == "There is nothing to review."
    assert flag(partnership, "review", *written, "--finding", "again", "--yes").code == 1


def test_a_user_of_our_own_is_written_as_in_a_flag(partnership: Partnership) -> None:
    (asker,) = shlex.split(flag(partnership, "name", "families-cases", "--id", "u-17").out)
    assert asker.startswith("families-cases ")
