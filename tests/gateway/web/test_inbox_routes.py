"""Reading a message for the record: only by a signed-in person, and in a duty role where the service names some."""

from datetime import UTC, datetime

import pytest

from gateway.callers import CaseCaller
from gateway.ports import LocalClient
from gateway.web.inbox_routes import position_on_duty
from gateway.web.problem import Problem
from tests.support.positions import positions
from trust.identifiers import EntityId, RoleCode, ServiceSlug
from trust.oauth.access_token import AccessToken, AccessTokenClaims, SignedIn

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SERVICE = ServiceSlug("families")
DUTY = frozenset({RoleCode("duty-officer")})


def caller(*roles: str, signed_in: bool = True) -> CaseCaller:
    held = positions(["families"], ["key-worker", "duty-officer"], ["north"])
    client = LocalClient(client_id="c", name="C", jwks={"keys": []}, positions=held, created_at=NOW)
    person = SignedIn(issuer="https://login.example", name="n", positions=positions(["families"], roles, ["north"]))
    claims = AccessTokenClaims(
        iss=EntityId("https://a.example"),
        sub=person.sub if signed_in else "c",
        client_id="c",
        aud="https://a.example",
        jti="t",
        iat=NOW,
        exp=NOW,
        signed_in=person if signed_in else None,
    )
    return CaseCaller(client=client, token=AccessToken(claims))


@pytest.mark.parametrize(
    ("who", "duty_roles"),
    [(caller("key-worker"), DUTY), (caller("duty-officer", signed_in=False), DUTY), (caller(signed_in=False), ())],
)
def test_another_role_or_a_case_system_stops_no_bell(who: CaseCaller, duty_roles: frozenset[RoleCode]) -> None:
    with pytest.raises(Problem) as refused:
        position_on_duty(who, SERVICE, duty_roles)
    assert refused.value.kind.code == "outside-registration"


@pytest.mark.parametrize(
    ("roles", "duty_roles", "as_role"),
    [
        (["key-worker"], (), "key-worker"),
        (["key-worker", "duty-officer"], DUTY, "duty-officer"),
    ],
)
def test_a_duty_role_or_any_where_none_is_named_stops_it(
    roles: list[str], duty_roles: frozenset[RoleCode], as_role: str
) -> None:
    _, position = position_on_duty(caller(*roles), SERVICE, duty_roles)
    assert position.role == as_role
