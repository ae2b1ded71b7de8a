"""A case system with a token at a node's case API."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.lookups.case_api import EXAMPLE_LOOKUP
from tests.simulator.callers import Caller, case_system
from tests.simulator.faces import Node

KEY = "2b9c8f4e-6f1d-4a77-9d55-0c1f3f6f9a10"


def lookup_body(**changes: Any) -> dict[str, Any]:
    body = {**EXAMPLE_LOOKUP, **changes}
    return {name: value for name, value in body.items() if value is not None}


class Session:
    """A case system with a token, as one of its practitioners' screens would use it."""

    def __init__(self, node: Node, client_id: str = "case-system") -> None:
        self.http: FlaskClient = node.case_app().test_client()
        self.system: Caller = case_system(node, self.http, client_id)
        self.authorization = {"Authorization": f"Bearer {self.system.case_token().decode()}"}

    def post(self, path: str, body: object, **headers: str) -> TestResponse:
        return self.http.post(path, json=body, headers={**self.authorization, "Idempotency-Key": KEY, **headers})

    def get(self, path: str) -> TestResponse:
        return self.http.get(path, headers=self.authorization)
