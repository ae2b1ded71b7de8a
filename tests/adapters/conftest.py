"""Fixtures of all tests of adapters: a context, and a deadline that is long enough."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.contract import AdapterContext, Deadline, HttpResponse, SourceUnavailable


class NoNetwork:
    """An HttpCaller of a node that may call no host."""

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        raise SourceUnavailable("This node may call nobody.")


@pytest.fixture
def context(tmp_path: Path) -> AdapterContext:
    return AdapterContext(
        organisation="Riverbank Homes",
        service="tenancies",
        service_kind="housing",
        duty_phone="01632 960 100",
        base_dir=str(tmp_path),
        http=NoNetwork(),
    )


@pytest.fixture
def soon() -> Deadline:
    return Deadline.after(20.0)
