"""``hearthgate trust changes``, ``approve``, ``decline`` and ``review``: what takes a second administrator."""

from collections.abc import Mapping
from pathlib import Path

import click

from gateway.administration import dual_control
from gateway.administration.client_keys import ADD_KEY
from gateway.administration.clients import REGISTER
from gateway.administration.context import authority_signer, now, opened_store, own_entity
from gateway.administration.dual_control import DualControlAct
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.membership import READMIT, REMOVE, SUSPEND
from gateway.administration.misuse_answers import ANSWER
from gateway.administration.outcome import UseCaseResult
from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_anchor, load_settings
from gateway.cli.output import apply_plan, command_output, confirm, show_plan, yes_option
from gateway.cli.trust.admission import ADMIT
from gateway.cli.trust.key.revoking import REVOKE
from gateway.cli.trust.member_key import REVOKE_MEMBER_KEY
from gateway.store.tables import members, pending_changes
from gateway.store.tables.pending_changes import Change, ChangeState
from trust.federation.second_approval import ChangeApproval, build_approval
from trust.federation.suspension import SuspensionState
from trust.identifiers import parse_entity_id
from trust.spoken_digits import spoken

_ACTS: Mapping[str, DualControlAct] = {
    act.name: act for act in (ADMIT, READMIT, SUSPEND, REMOVE, REVOKE, REVOKE_MEMBER_KEY, ANSWER, REGISTER, ADD_KEY)
}
_OPEN = {ChangeState.PENDING, ChangeState.UNREVIEWED}
_NEXT = {
    ChangeState.PENDING: "waits for another administrator: hearthgate trust approve {id}, or decline {id}",
    ChangeState.UNREVIEWED: "another administrator has to look at it: hearthgate trust review {id}",
}


@click.command("changes")
@click.option("--all", "every", is_flag=True, help="Also those that are settled or expired.")
@config_option
@command_output
def list_changes(*, config: Path | None, every: bool) -> UseCaseResult:
    """Show the changes that wait for a second administrator, and the emergencies that nobody has reviewed."""
    at = now()
    with opened_store(load_settings(config)) as store:
        found = [
            change for change in store.read(pending_changes.list) if every or dual_control.stage(change, at) in _OPEN
        ]
    return UseCaseResult(
        lines=[line for change in found for line in _lines(change, dual_control.stage(change, at))]
        or ["No change waits for anybody."],
        data={"changes": [dual_control.to_json(change, at) for change in found]},
    )


_superior = click.option(
    "--superior", type=click.Path(path_type=Path), help="A superior's approval, from `trust second` there."
)


@click.command()
@click.argument("change_id", metavar="ID")
@_superior
@config_option
@yes_option
@command_output
def approve(*, change_id: str, config: Path | None, superior: Path | None, yes: bool) -> UseCaseResult:
    """Make the change ID that another administrator asked for."""
    return apply_plan(dual_control.plan_approval(load_settings(config), _ACTS, change_id, superior=superior), yes=yes)


@click.command()
@click.argument("change_id", metavar="ID")
@click.option("--reason", required=True, help="Why not; it is kept in the journal.")
@config_option
@yes_option
@command_output
def decline(*, change_id: str, config: Path | None, reason: str, yes: bool) -> UseCaseResult:
    """Give up the change ID, which then is never made."""
    return apply_plan(dual_control.plan_withdrawal(load_settings(config), change_id, reason), yes=yes)


@click.command()
@click.argument("change_id", metavar="ID")
@click.option("--finding", required=True, help="What came of it; it is kept in the journal.")
@_superior
@config_option
@yes_option
@command_output
def review(*, change_id: str, config: Path | None, finding: str, superior: Path | None, yes: bool) -> UseCaseResult:
    """Note that you looked at the emergency ID, which another administrator made alone."""
    return apply_plan(dual_control.plan_review(load_settings(config), change_id, finding, superior=superior), yes=yes)


@click.command()
@click.argument("entity")
@click.argument("change_id", metavar="ID")
@click.argument("digits", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write the approval to.")
@config_option
@yes_option
@command_output
def second(
    *, entity: str, change_id: str, digits: tuple[str, ...], out: Path, config: Path | None, yes: bool
) -> UseCaseResult:
    """Approve the change ID of ENTITY, a member with one administrator.

    Ring it, have it say what the change is and read out the change's id and its 30 DIGITS. Send it the file.
    """
    settings, member = load_anchor(config), parse_entity_id(entity)
    with opened_store(settings) as store:
        held = store.read(lambda tx: members.get(tx, entity=member))
        if held is None or held.state != SuspensionState.ACTIVE:
            raise OperationRefused(f"{member} is no active member here; `hearthgate trust list` shows who is.")
        number = fingerprints.read_digits(digits)
        shown = spoken(number)
        show_plan(f"{member} may make its change {change_id} ({shown}) with one administrator of its own.")
        confirm("Approve it?", yes=yes)
        record(settings, "trust second", entity_id=member, change=change_id, digits=shown)
        wanted = ChangeApproval(superior=own_entity(settings), entity=member, change=change_id, digest=number)
        raw = build_approval(wanted, authority_signer(settings, store), now=now())
    write_new(out, raw, "The approval")
    return UseCaseResult(
        lines=[
            f"The approval is in {out}; send it to {member}, which makes the change with `trust approve --superior`."
        ],
        data={"entity_id": member, "change": change_id, "file": str(out)},
    )


def _lines(change: Change, stage: str) -> list[str]:
    todo = _NEXT[change.state].format(id=change.id) if stage in _OPEN else stage
    if change.second_by is not None:
        todo += f" by {change.second_by}, {change.second_at:%Y-%m-%d %H:%M} UTC"
    return [*dual_control.about(change), f"  {todo}"]
