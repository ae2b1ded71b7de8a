"""``hearthgate trust admit`` and ``list``: whom an authority vouches for."""

from datetime import datetime
from pathlib import Path

import click

from config.settings import AnchorSettings
from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_anchor, now, opened_store
from gateway.cli.faults import Refused
from gateway.cli.files import read_input
from gateway.cli.journal import record
from gateway.cli.outcome import Outcome, announce, answers, confirm, yes_option
from gateway.cli.trust.ruling import authority_signer, log
from gateway.http.anchor import MemberState
from gateway.ports import Store, Transaction
from gateway.store import members, suspensions
from gateway.store.members import Member
from trust.federation.enrolment import EnrolmentRequest, parse_enrolment_request
from trust.federation.node_metadata import ENTITY_TYPE, NodeMetadata, parse_node_metadata, state_service_kinds
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId


@click.command()
@click.argument("request", metavar="FILE", type=click.Path(path_type=Path))
@config_option
@click.option("--thumbprint", "thumbprints", multiple=True, required=True, help="As the agency read it out to you.")
@yes_option
@answers
def admit(*, request: Path, config: Path | None, thumbprints: tuple[str, ...], yes: bool) -> Outcome:
    """Vouch for the agency that made the enrolment request in FILE.

    Ring the agency on a number that did not come with the request, have its administrator read out the thumbprint, and
    type it here: it is what ties the request to the agency.
    """
    settings = load_anchor(config)
    asked = parse_enrolment_request(read_input(request, "The enrolment request"), now=now())
    node = _node(asked)
    # Before the request's own thumbprints are shown, so that nobody can copy them from there.
    if not fingerprints.compare(thumbprints, asked.thumbprints):
        raise Refused(
            f"What you typed is not the thumbprint of the key that signed {asked.entity_id}'s request. If it is what "
            "the agency read out to you, this request was not made by the agency: do not admit it, and tell them."
        )
    announce(
        f"{asked.entity_id} asks to be admitted" + (f" as {node.name}:" if node else "."),
        *(f"  {service.name} ({service.slug}, {service.kind})" for service in (node.services if node else ())),
        "Its request was signed with the key of this thumbprint:",
        *fingerprints.lines(asked.thumbprints),
    )
    with opened_store(settings) as store:
        held = store.read(lambda tx: members.get(tx, entity=asked.entity_id))
        _refuse_hasty(asked, held)
        effect = _effect_of_admission(asked, held)
        announce(effect)
        confirm("Admit it?", yes=yes)
        record(settings, "trust admit", entity_id=asked.entity_id, thumbprints=list(asked.thumbprints))
        _admit(settings, store, asked, now())
    return Outcome(
        lines=[f"{asked.entity_id} is a member. {effect}"],
        data={"entity_id": asked.entity_id, "state": MemberState.ACTIVE, "thumbprints": list(asked.thumbprints)},
    )


@click.command("list")
@config_option
@answers
def list_members(*, config: Path | None) -> Outcome:
    """Show every member that this anchor ever admitted, its state and its thumbprints."""
    with opened_store(load_anchor(config)) as store:
        every = store.read(members.list)
    lines = [
        f"{member.entity}  {member.state} since {member.changed_at:%Y-%m-%d %H:%M} UTC  "
        f"admitted {member.admitted_at:%Y-%m-%d}"
        for member in every
    ]
    return Outcome(
        lines=lines or ["No agency has been admitted yet."],
        data={"members": [_to_json(member) for member in every]},
    )


def _node(asked: EnrolmentRequest) -> NodeMetadata | None:
    stated = asked.metadata.get(ENTITY_TYPE)
    return None if stated is None else parse_node_metadata(stated, entity=asked.entity_id)


def _refuse_hasty(asked: EnrolmentRequest, held: Member | None) -> None:
    if held is None or held.state != MemberState.SUSPENDED:
        return
    raise Refused(
        f"{asked.entity_id} is suspended. Lift that first, deliberately: hearthgate trust readmit {asked.entity_id}"
    )


def _effect_of_admission(asked: EnrolmentRequest, held: Member | None) -> str:
    welcome = "Members may exchange messages with it from now on, as far as they have signed agreements with it."
    if held is None:
        return welcome
    if held.state == SuspensionState.REMOVED:
        return f"It was removed {held.changed_at:%Y-%m-%d}, and is let in again. {welcome}"
    before = {str(key.get("kid")) for key in held.jwks.get("keys", [])}
    if before != set(asked.thumbprints):
        return "It was admitted before, with other keys: those are no longer vouched for, and these are from now on."
    if state_service_kinds(held.metadata) != state_service_kinds(asked.metadata):
        return "It was admitted with these keys before; from now on it is vouched for with the services above."
    return "It was admitted with these keys before; nothing changes."


def _admit(settings: AnchorSettings, store: Store, asked: EnrolmentRequest, at: datetime) -> None:
    """Store the member; where the log last said that it may not take part, say there that it may."""
    signer, issuer = authority_signer(settings, store), EntityId(settings.anchor.entity_id)

    def work(tx: Transaction) -> None:
        members.admit(
            tx,
            entity=asked.entity_id,
            jwks=asked.federation_keys.to_jwks(),
            metadata=asked.metadata,
            state=MemberState.ACTIVE,
            at=at,
        )
        last = suspensions.states(tx).get((issuer, asked.entity_id), SuspensionState.ACTIVE)
        if last != SuspensionState.ACTIVE:
            log(tx, asked.entity_id, SuspensionState.ACTIVE, at=at, issuer=issuer, signer=signer)

    store.write(work)


def _to_json(member: Member) -> dict[str, object]:
    return {
        "entity_id": EntityId(member.entity),
        "state": member.state,
        "admitted_at": member.admitted_at.isoformat(),
        "changed_at": member.changed_at.isoformat(),
        "thumbprints": [str(key.get("kid")) for key in member.jwks.get("keys", [])],
    }
