"""The changes that take two administrators: list them, and approve one of a member with one administrator."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from config.settings import AnchorSettings
from gateway.administration import dual_control
from gateway.administration.admission import ADMIT
from gateway.administration.client_keys import ADD_KEY
from gateway.administration.clients import REGISTER
from gateway.administration.context import Settings, authority_signer, now, opened_store, own_entity
from gateway.administration.dual_control import DualControlAct
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.key_revocation import REVOKE
from gateway.administration.member_keys import REVOKE_MEMBER_KEY
from gateway.administration.membership import READMIT, REMOVE, SUSPEND
from gateway.administration.misuse_answers import ANSWER
from gateway.administration.outbox import CloseMessage
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.administration.place_restrictions import LiftRestriction
from gateway.administration.thumbprints import read_digits
from gateway.authority.membership import is_active
from gateway.store.tables import pending_changes
from gateway.store.tables.pending_changes import Change, ChangeState
from trust.federation.second_approval import ChangeApproval, build_approval
from trust.identifiers import parse_entity_id
from trust.spoken_digits import spoken

ACTS: Mapping[str, DualControlAct] = {
    act.name: act
    for act in (
        ADMIT,
        READMIT,
        SUSPEND,
        REMOVE,
        REVOKE,
        REVOKE_MEMBER_KEY,
        ANSWER,
        REGISTER,
        ADD_KEY,
        CloseMessage(),
        LiftRestriction(),
    )
}
"""Every act that takes two administrators and needs no other part of the node, by its name."""
_APPROVE = "`trust approve --superior`"
_OPEN = {ChangeState.PENDING, ChangeState.UNREVIEWED}
_NEXT = {
    ChangeState.PENDING: "waits for another administrator: hearthgate trust approve {id}, or decline {id}",
    ChangeState.UNREVIEWED: "another administrator has to look at it: hearthgate trust review {id}",
}


def list_changes(settings: Settings, *, settled_too: bool) -> UseCaseResult:
    """Return the changes that wait for a second administrator, and the emergencies that were not reviewed."""
    at = now()
    with opened_store(settings) as store:
        every = store.read(pending_changes.list)
    listed = [change for change in every if settled_too or dual_control.stage(change, at) in _OPEN]
    return UseCaseResult(
        lines=[line for change in listed for line in _lines(change, dual_control.stage(change, at))]
        or ["No change waits for an administrator."],
        data={"changes": [dual_control.to_json(change, at) for change in listed]},
    )


def plan_second_approval(
    settings: AnchorSettings, entity: str, change_id: str, *, digits: Sequence[str], out: Path
) -> ChangePlan:
    """Plan to approve a change of a member with one administrator, who read out its id and its ``digits``.

    Raises :class:`OperationRefused` and ``TrustError``.
    """
    member = parse_entity_id(entity)
    with opened_store(settings) as store:
        if not is_active(store, member):
            raise OperationRefused(f"{member} is no active member here; `hearthgate trust list` shows who is.")
    number = read_digits(digits)

    def apply() -> UseCaseResult:
        record(settings, "trust second", entity_id=member, change=change_id, digits=spoken(number))
        approval = ChangeApproval(superior=own_entity(settings), entity=member, change=change_id, digest=number)
        with opened_store(settings) as store:
            raw = build_approval(approval, authority_signer(settings, store), now=now())
        write_new(out, raw, "The approval")
        return UseCaseResult(
            lines=[f"The approval is in {out}; send it to {member}, which makes the change with {_APPROVE}."],
            data={"entity_id": member, "change": change_id, "file": str(out)},
        )

    effect = f"{member} may make its change {change_id} ({spoken(number)}) with one administrator of its own."
    return ChangePlan(effect=[effect], question="Approve it?", apply=apply)


def _lines(change: Change, stage: str) -> list[str]:
    todo = _NEXT[change.state].format(id=change.id) if stage in _OPEN else stage
    if change.second_by is not None:
        todo += f" by {change.second_by}, {change.second_at:%Y-%m-%d %H:%M} UTC"
    return [*dual_control.about(change), f"  {todo}"]
