"""Headers of a person who signed in at their agency's node, without a sign-in service."""

from datetime import timedelta

from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.support.positions import positions
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.oauth import access_token
from trust.oauth.access_token import AccessTokenClaims, SignedIn


def sign_in(
    network: Network,
    system: CaseClient,
    person: str,
    *,
    entity: EntityId,
    service: str,
    jti: str = "a-sign-in",
    minutes_ago: float = 0,
    factor_stated: bool = True,
) -> dict[str, str]:
    """Return the headers of a person with the position of a key worker in the north team at one service."""
    now = network.clock.now()
    signed_in = SignedIn(
        issuer="https://login.example",
        name=person,
        positions=positions([service], ["key-worker"], ["north-team"]),
        auth_time=now - timedelta(minutes=minutes_ago),
        factor_stated=factor_stated,
    )
    claims = AccessTokenClaims(
        iss=system.base_url,
        sub=signed_in.sub,
        client_id=system.client_id,
        aud=system.base_url + "/case/v1",
        jti=jti,
        iat=now,
        exp=now + timedelta(minutes=10),
        signed_in=signed_in,
    )
    token = access_token.build(claims, network.nodes[entity].vault.signer(KeyUse.OAUTH)).decode()
    return {"Authorization": f"Bearer {token}"}
