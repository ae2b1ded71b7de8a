"""``hearthgate doctor`` names a provider of which no user could ask."""

from datetime import UTC, datetime

import pytest

from adapters.contract import CheckLine
from config.loading import load
from config.settings import NodeSettings
from gateway.administration.checks import accountability
from tests.gateway.cli.conftest import Partnership, seconded

PROVIDER = """
[[identity.providers]]
issuer = "https://login.council.example"
jwks_uri = "https://login.council.example/keys"
clients = {{ "web" = "{client}" }}
role_claim = "groups"
unit_claim = "teams"
[[identity.providers.positions]]
service = "families"
role = "{role}"
unit = "{unit}"
role_value = "Family Support Worker"
unit_value = "N"
"""


def looked(
    partnership: Partnership, *, client: str = "case", role: str = "key-worker", unit: str = "north"
) -> CheckLine:
    words = ["client", "add", "--id", "case", "--name", "Case system", "--service", "families", "--role", "key-worker"]
    words += ["--unit", "north", "--generate-key", str(partnership.root / "case.pem")]
    assert seconded(partnership.config("council"), *words).code == 0
    with partnership.config("council").open("a") as file:
        file.write(PROVIDER.format(client=client, role=role, unit=unit))
    settings = load(partnership.config("council"), {})
    assert isinstance(settings, NodeSettings)
    lines = accountability.check_accountability(settings, datetime.now(UTC))
    (line,) = [each for each in lines if each.name == "who signs in at https://login.council.example can ask"]
    return line


def test_a_provider_that_leads_to_a_registered_case_system_is_right(partnership: Partnership) -> None:
    line = looked(partnership)
    assert (line.ok, line.detail) == (True, "through case")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"client": "nobody"}, "no case system nobody is registered"),
        ({"role": "director"}, "none of its positions is one that case is registered for"),
        ({"unit": "south"}, "none of its positions is one that case is registered for"),
    ],
)
def test_what_lets_no_user_ask_is_a_fault(partnership: Partnership, change: dict[str, str], said: str) -> None:
    line = looked(partnership, **change)
    assert (line.ok, line.detail) == (False, said)
