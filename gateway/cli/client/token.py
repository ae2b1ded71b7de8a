"""``hearthgate client token``: what a case system does to get an access token, over the network."""

from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlencode

import click

from adapters.contract import Deadline, HttpAnswer, SourceUnavailable
from config.settings import NodeSettings
from gateway.cli.context import config_option, load_node, now
from gateway.cli.faults import Refused
from gateway.cli.files import read_input
from gateway.cli.outcome import Outcome, answers
from gateway.oauth.case_server import TOKEN_PATH
from gateway.oauth.forms import CONTENT_TYPE
from gateway.peers.caller import CaseSystemCaller
from gateway.peers.guard import HostAddress
from gateway.peers.transport import client_tls
from trust import strict_json
from trust.errors import TrustError
from trust.keys import KeyUse, LocalSigner
from trust.oauth import client_assertion

_TIMEOUT_S = 5.0
_MAX_BYTES = 65_536
_OK = 200
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a listener is told, and where it then is


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The case system's private key (PEM).")
@click.option("--ca", type=click.Path(path_type=Path), help="The CA of the case face [default: [trust] ca].")
@answers
def token(*, client_id: str, config: Path | None, key: Path, ca: Path | None) -> Outcome:
    """Ask the running node for an access token of the case system ID, and print it alone, ready for a request."""
    settings = load_node(config)
    signer = LocalSigner.from_pem(read_input(key, "The private key"), KeyUse.OAUTH)
    assertion = client_assertion.build(
        client_id=client_id, issuer=settings.case.base_url, signer=signer, now=now(), jti=token_urlsafe(16)
    )
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": _ASSERTION_TYPE,
        "client_assertion": assertion.decode("ascii"),
    }
    answer = _post(settings, ca, urlencode(form).encode("ascii"))
    granted = _read(answer, client_id)
    return Outcome(lines=[str(granted["access_token"])], data=granted)


def _post(settings: NodeSettings, ca: Path | None, body: bytes) -> HttpAnswer:
    """Send the form to the case face where it listens, under the name that its certificate proves."""
    host = settings.case.base_url.removeprefix("https://").partition("/")[0].partition(":")[0]
    address, _, port = settings.case.bind.rpartition(":")
    address = address.strip("[]")
    own_ca = settings.base_dir / settings.trust.ca if settings.trust.ca else None
    caller = CaseSystemCaller(
        tls=client_tls(ca or own_ca),
        names={host},
        hosts={host: HostAddress(address=_ANYWHERE.get(address, address), port=int(port))},
    )
    try:
        return caller.post(
            settings.case.base_url + TOKEN_PATH,
            headers={"Content-Type": CONTENT_TYPE, "Accept": "application/json"},
            body=body,
            max_bytes=_MAX_BYTES,
            deadline=Deadline.after(_TIMEOUT_S),
        )
    except SourceUnavailable as failed:
        raise Refused(f"The node's case face does not answer ({failed}); is `hearthgate serve` running?") from failed
    finally:
        caller.close()


def _read(answer: HttpAnswer, client_id: str) -> strict_json.JsonObject:
    try:
        document = strict_json.loads(answer.body, max_bytes=_MAX_BYTES)
    except TrustError as malformed:
        raise Refused(f"The node answered {answer.status} with something that is no token.") from malformed
    if answer.status != _OK or not isinstance(document.get("access_token"), str):
        reason = document.get("error_description") or document.get("error") or "it gave no reason"
        raise Refused(
            f"The node answered {answer.status} to {client_id}: {reason} Check the id with `hearthgate client list`, "
            "and that the key file is the one that was registered."
        )
    return {name: document[name] for name in ("access_token", "token_type", "expires_in") if name in document}
