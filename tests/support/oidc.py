"""A real OpenID provider (npm oidc-provider), started for a test, and the browser of a user who signs in there."""

import base64
import hashlib
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage, HTTPSConnection
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.case_systems import free_port
from tests.support.node import Node
from tests.support.tls import Authority

HOST = "login.council.example"
ISSUER = f"https://{HOST}"
WEB_CLIENT = "families-web"
OTHER_CLIENT = "housing-web"
REDIRECT = "https://cases.council.example/signed-in"
START_WITHIN_S = 60.0
_MOST_STEPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdProvider:
    """The running provider."""

    port: int
    ca: Path

    def sign_in(self, user: str, client: str = WEB_CLIENT) -> str:
        """Sign in as a user through the code flow with PKCE, and return the ID token."""
        verifier = token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {"client_id": client, "response_type": "code", "scope": "openid", "redirect_uri": REDIRECT}
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256", "login_hint": user}
        code = self._follow(f"/auth?{urlencode(asked)}")
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        form |= {"client_id": client, "redirect_uri": REDIRECT}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, body = self._call("POST", "/token", headers, urlencode(form))
        assert status == 200, body
        return str(json.loads(body)["id_token"])

    def _follow(self, path: str) -> str:
        cookies: dict[str, str] = {}
        for _ in range(_MOST_STEPS):
            sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
            status, headers, body = self._call("GET", path, sent)
            assert status == 303, body
            for written in headers.get_all("Set-Cookie") or ():
                name, _, value = written.partition(";")[0].partition("=")
                cookies[name] = value
            location = urlsplit(headers["Location"])
            if headers["Location"].startswith(REDIRECT):
                return parse_qs(location.query)["code"][0]
            path = location.path + (f"?{location.query}" if location.query else "")
        raise AssertionError("the sign-in does not end")

    def _call(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None = None
    ) -> tuple[int, HTTPMessage, bytes]:
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = HTTPSConnection(HOST)
        connection.sock = context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), 10), server_hostname=HOST
        )
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@contextmanager
def running(node: Node, folder: Path, authority: Authority, users: Mapping[str, Any]) -> Iterator[OpenIdProvider]:
    """Run the provider until the block ends."""
    certificate, key = authority.issue(HOST)
    port = free_port()
    clients = [
        {"client_id": client, "token_endpoint_auth_method": "none", "redirect_uris": [REDIRECT]}
        for client in (WEB_CLIENT, OTHER_CLIENT)
    ]
    settings = folder / "provider.json"
    settings.write_text(
        json.dumps(
            {
                "issuer": ISSUER,
                "port": port,
                "certificate": str(certificate),
                "key": str(key),
                "alg": "RS256",
                "clients": clients,
                "users": users,
            }
        )
    )
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(node.command("oidc_provider.mjs", str(settings)), stdout=log, stderr=log)
        try:
            _wait(process, port, folder / "provider.log")
            yield OpenIdProvider(port=port, ca=authority.certificate)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the provider did not start: {log.read_text(errors='replace')}") from None
            time.sleep(0.1)
        else:
            return
