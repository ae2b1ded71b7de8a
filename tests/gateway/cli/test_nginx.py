"""`hearthgate nginx` puts the case API before no stranger, and writes nothing that nginx would misread."""

import pytest

from tests.gateway.cli.conftest import Partnership, hearthgate


def test_the_case_api_is_not_there_unless_it_is_asked_for(partnership: Partnership) -> None:
    answer = hearthgate("nginx", "--config", partnership.config("council"))
    assert "server_name council.example;" in answer.out
    assert "case.council.example" not in answer.out


@pytest.mark.parametrize("place", ["10.0.0.5:8444", "[fd00::5]:8444", "127.0.0.1:8444", "192.168.1.2:443"])
def test_it_is_put_at_a_private_address(partnership: Partnership, place: str) -> None:
    answer = hearthgate("nginx", "--config", partnership.config("council"), "--case-listen", place)
    assert answer.code == 0, answer.err
    *_, case = answer.out.partition("# The case API")
    assert f"listen {place} ssl;" in case


@pytest.mark.parametrize(
    "place", ["443", "8444", "0.0.0.0:8444", "[::]:8444", "8.8.8.8:443", "[2a00::1]:443", "1.2.3.999:1"]
)
def test_it_is_put_nowhere_where_strangers_come(partnership: Partnership, place: str) -> None:
    answer = hearthgate("nginx", "--config", partnership.config("council"), "--case-listen", place)
    assert answer.code == 2
    assert answer.out == ""
    assert "Traceback" not in answer.err


def test_both_apis_at_one_place_are_refused(partnership: Partnership) -> None:
    at = ["--listen", "10.0.0.5:443", "--case-listen", "10.0.0.5:443"]
    assert hearthgate("nginx", "--config", partnership.config("council"), *at).code == 1


def test_an_anchor_has_no_case_api(partnership: Partnership) -> None:
    assert hearthgate("nginx", "--config", partnership.config("anchor"), "--case-listen", "10.0.0.5:8444").code == 1


@pytest.mark.parametrize("place", ["443; return 200", "localhost:443", "10.0.0.5", "0", "x"])
def test_what_is_no_place_to_listen_at_is_not_written(partnership: Partnership, place: str) -> None:
    assert hearthgate("nginx", "--config", partnership.config("council"), "--listen", place).code == 2
