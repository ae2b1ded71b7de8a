"""``hearthgate client token``, and the client of a running node's case API that it and ``lookup`` use."""

from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlencode

import click

from adapters.contract import Deadline, HttpResponse, SourceUnavailable
from config.settings import NodeSettings
from gateway.administration.context import now
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import case_api
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output
from trust import strict_json
from trust.errors import TrustError
from trust.keys import KeyUse, LocalSigner
from trust.oauth import client_assertion

LOOKUPS_PATH, ELIGIBILITY_PATH = "/case/v1/lookups", "/case/v1/eligibility"
_TOKEN_PATH = "/oauth/v1/token"  # noqa: S105 - an address
_TOKEN_S = 5.0
_MAX_BYTES = 1_048_576
_OK = 200
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseApiClient:
    """One case system at this node; ``key`` is its private key, ``ca`` what its certificate is verified with."""

    settings: NodeSettings
    client_id: str
    key: Path
    ca: Path | None

    def token(self) -> strict_json.JsonObject:
        """Get an access token: its value, its type and how long it lives. Raises :class:`OperationRefused`."""
        signer = LocalSigner.from_pem(read_input(self.key, "The private key"), KeyUse.OAUTH)
        assertion = client_assertion.build(
            client_id=self.client_id,
            issuer=self.settings.case.base_url,
            signer=signer,
            now=now(),
            jti=token_urlsafe(16),
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion.decode("ascii"),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self.post(_TOKEN_PATH, headers, urlencode(form).encode("ascii"), timeout_s=_TOKEN_S)
        return self._read_token(answer)

    def post(self, path: str, headers: dict[str, str], body: bytes, *, timeout_s: float) -> HttpResponse:
        """Post to the running node. Raises :class:`OperationRefused` where it does not answer."""
        with case_api(self.settings, self.ca) as api:
            try:
                return api.post(
                    self.settings.case.base_url + path,
                    headers=headers,
                    body=body,
                    max_bytes=_MAX_BYTES,
                    deadline=Deadline.after(timeout_s),
                )
            except SourceUnavailable as failed:
                raise OperationRefused(
                    f"The node's case API does not answer ({failed}); is `hearthgate serve` running?"
                ) from failed

    def _read_token(self, answer: HttpResponse) -> strict_json.JsonObject:
        document = read_answer(answer)
        if answer.status != _OK or not isinstance(document.get("access_token"), str):
            reason = document.get("error_description") or document.get("error") or "it gave no reason"
            raise OperationRefused(
                f"The node answered {answer.status} to {self.client_id}: {reason} Check the id with `hearthgate client "
                "list`, and that the key file is the one that was registered."
            )
        return {name: document[name] for name in ("access_token", "token_type", "expires_in") if name in document}


def read_answer(answer: HttpResponse) -> strict_json.JsonObject:
    """Return the JSON object of an answer. Raises :class:`OperationRefused`."""
    try:
        return strict_json.loads(answer.body, max_bytes=_MAX_BYTES)
    except TrustError as malformed:
        raise OperationRefused(
            f"The node answered {answer.status} with something that is no JSON object."
        ) from malformed


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The case system's private key (PEM).")
@click.option("--ca", type=click.Path(path_type=Path), help="The CA of the case API [default: [trust] ca].")
@command_output
def token(*, client_id: str, config: Path | None, key: Path, ca: Path | None) -> UseCaseResult:
    """Get an access token for the case system ID.

    The running node issues it. It is printed alone, ready for a request.
    """
    settings = load_node(config)
    record(settings, "client token", id=client_id)
    token = CaseApiClient(settings=settings, client_id=client_id, key=key, ca=ca).token()
    return UseCaseResult(lines=[str(token["access_token"])], data=token)
