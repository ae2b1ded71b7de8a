"""``hearthgate client token``: what a case system does to get an access token, over the network."""

from pathlib import Path

import click

from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.cli.client.case_face import CaseFaceClient
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The case system's private key (PEM).")
@click.option("--ca", type=click.Path(path_type=Path), help="The CA of the case face [default: [trust] ca].")
@command_output
def token(*, client_id: str, config: Path | None, key: Path, ca: Path | None) -> UseCaseResult:
    """Get an access token for the case system ID.

    The running node issues it. It is printed alone, ready for a request.
    """
    settings = load_node(config)
    record(settings, "client token", id=client_id)
    granted = CaseFaceClient(settings=settings, client_id=client_id, key=key, ca=ca).token()
    return UseCaseResult(lines=[str(granted["access_token"])], data=granted)
