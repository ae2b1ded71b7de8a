"""A duty desk of the trust's mental-health team: requests on the case API by a person who signed in."""

from typing import Any

from werkzeug.test import TestResponse

from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.sign_in import sign_in
from tests.simulator.town import TRUST

SLUG = "mental-health"


def call(
    network: Network, system: CaseClient, path: str, document: dict[str, Any] | None = None, *, person: str = "n-7"
) -> TestResponse:
    """Get a path, or post a document to it; as the case system itself where no person is named."""
    jti = f"{person}-{len(path)}-{id(document)}"
    headers = sign_in(network, system, person, entity=TRUST, service=SLUG, jti=jti) if person else system.headers()
    method = "GET" if document is None else "POST"
    return system.http.open(f"/case/v1/{path}", method=method, base_url=system.base_url, json=document, headers=headers)
