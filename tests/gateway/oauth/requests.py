"""Requests to the token servers, and the refusals that they answer with."""

from werkzeug.test import TestResponse

from gateway.oauth.exchange import GRANT_TYPE
from gateway.oauth.revocation import PATH
from tests.simulator.callers import Caller
from tests.simulator.faces import FORM


def challenged_as(answer: TestResponse, code: str | None) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.content_type == "application/problem+json"
    challenge = answer.headers["WWW-Authenticate"]
    assert (f'error="{code}"' in challenge) if code else ("error=" not in challenge)


def ask(system: Caller, token: bytes, scheme: str = "Bearer", proof: str | None = None) -> TestResponse:
    headers = {"Authorization": f"{scheme} {token.decode()}"} | ({"DPoP": proof} if proof else {})
    return system.http.get("/case/v1/lookups/some-lookup-id", headers=headers)


def refused_as(answer: TestResponse, code: str, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.get_json()["error"] == code
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type == "application/json"
    sentence = str(answer.get_json()["error_description"])
    if status == 401:
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge == f'private_key_jwt realm="token", error="{code}", error_description="{sentence}"'
    return sentence


ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


def exchange(system: Caller, subject_token: str | None, **changes: str | None) -> TestResponse:
    form: dict[str, str | None] = {
        "grant_type": GRANT_TYPE,
        "subject_token": subject_token,
        "subject_token_type": ID_TOKEN,
        **changes,
    }
    return system.post_form(system.form(**form))


def revoke(caller: Caller, token: bytes, **changes: str | None) -> TestResponse:
    form = caller.form(grant_type=None, token=token.decode(), **changes)
    return caller.http.post(PATH, data=caller.encoded(form), content_type=FORM)
