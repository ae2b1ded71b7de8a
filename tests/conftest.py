"""Fixtures of all tests."""

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import Cluster, find_server_programs, new_database, running_cluster, running_server
from tests.support.memory import GIB, folder_in_memory
from tests.support.node import Node, NodeMissing, installed

pytest_plugins = ["tests.holds", "pytester"]

# Two busy cores make single examples slow now and then; that says nothing about the code.
settings.register_profile(
    "hearthgate", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# pytest --hypothesis-profile=long: hours rather than seconds
settings.register_profile("long", parent=settings.get_profile("hearthgate"), max_examples=4_000)
# ./run mutate: the first look at each mutant
settings.register_profile("mutation", parent=settings.get_profile("hearthgate"), max_examples=15, derandomize=True)
settings.load_profile("hearthgate")

_ROOM_FOR_A_RUN = 3 * GIB
SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_configure() -> None:
    """Keep temporary files in memory if there is room: one test of whole nodes syncs its stores hundreds of times."""
    folder = folder_in_memory(_ROOM_FOR_A_RUN)
    if folder is not None and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give the SQLAlchemy URL of an empty database on a private server that lasts as long as the session."""
    programs = find_server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed (on Debian: apt-get install postgresql)")
    with running_server(programs) as url:
        yield url


@pytest.fixture
def new_postgres_url(postgres_url: str) -> Callable[[], str]:
    """Give what makes another empty database on that server and returns its URL."""
    return partial(new_database, postgres_url)


@pytest.fixture
def postgres_cluster() -> Iterator[Cluster]:
    """Give a PostgreSQL primary of the test's own, whose commits wait for a standby."""
    programs = find_server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed (on Debian: apt-get install postgresql)")
    with running_cluster(programs) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of published schemas and samples that lies beside the project, which a bare clone lacks."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the published schemas and samples (../shared/data) are not beside this clone")
    return SHARED_DATA


@pytest.fixture(scope="session")
def node() -> Node:
    """Give Node.js with the locked packages of ``tests/node``."""
    try:
        return installed()
    except NodeMissing as missing:
        pytest.skip(str(missing))
