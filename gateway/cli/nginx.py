"""``hearthgate nginx``."""

from collections.abc import Callable
from pathlib import Path

import click

from gateway.administration.outcome import UseCaseResult
from gateway.administration.setup.nginx import LOGS, PUBLIC, NginxOptions, parse_listen, refuse_public, render_nginx
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output

_path = click.Path(path_type=Path)


def _checked(check: Callable[[str], object]) -> Callable[..., tuple[str, ...]]:
    def callback(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for value in values:
                check(value)
        except ValueError as refused:
            raise click.BadParameter(str(refused), param=option) from None
        return values

    return callback


@click.command()
@config_option
@click.option(
    "--listen",
    multiple=True,
    default=PUBLIC,
    show_default=True,
    callback=_checked(parse_listen),
    help="Where nginx listens for peers: a port, or address:port.",
)
@click.option(
    "--case-listen",
    multiple=True,
    callback=_checked(refuse_public),
    help="Where nginx listens for case systems: a private address:port [default: nowhere].",
)
@click.option("--ca", type=_path, help="The CA of the certificates [default: [trust] ca, else the system's].")
@click.option("--logs", type=_path, default=LOGS, show_default=True, help="The folder of nginx's logs.")
@command_output
def nginx(
    *, config: Path | None, listen: tuple[str, ...], case_listen: tuple[str, ...], ca: Path | None, logs: Path
) -> UseCaseResult:
    """Write the configuration of nginx for this node.

    Standard output is a file for /etc/nginx/conf.d.
    """
    options = NginxOptions(listen=listen, case_listen=case_listen, ca=ca, logs=logs)
    return render_nginx(load_settings(config), options)
