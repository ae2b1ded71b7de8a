"""``hearthgate trust revoke``: an authority ends the trust in a key of a member, for good."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import Settings, authority_signer, opened_store, own_entity
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import apply_plan, command_output, emergency_option, yes_option
from gateway.cli.trust.key.ways import reason_option
from gateway.ports import Store, Transaction
from gateway.store.tables import key_revocations, members
from gateway.store.tables.federation_records import StoredKeyRevocation
from trust.federation.key_revocation import KeyRevocation, build_key_revocation, is_key_id
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeyUse

_USES = (KeyUse.FEDERATION, KeyUse.MESSAGE, KeyUse.OAUTH, KeyUse.ENCRYPTION, KeyUse.EVIDENCE)


@click.command()
@click.argument("entity")
@click.argument("kid", metavar="KEY-ID")
@click.option("--use", required=True, type=click.Choice([str(use) for use in _USES]), help="What the key is for.")
@reason_option
@emergency_option
@config_option
@yes_option
@command_output
def revoke(*, entity: str, kid: str, config: Path | None, **how: Any) -> UseCaseResult:
    """End the trust in the key KEY-ID of ENTITY, a member that cannot revoke it itself.

    It takes a second administrator, or an emergency. No member takes the key again, whatever vouches for it later.
    """
    arguments = {"entity_id": parse_entity_id(entity), "kid": kid, "use": how["use"], "reason": how["reason"]}
    wanted = ChangeRequest(act=REVOKE_MEMBER_KEY, arguments=arguments, reason=how["reason"], emergency=how["emergency"])
    return apply_plan(plan_request(load_anchor(config), wanted), yes=how["yes"])


class _MemberKeyRevocation:
    """The act of revoking a member's key."""

    name = "trust revoke"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what it does. Raises :class:`OperationRefused`."""
        with opened_store(settings) as store:
            entity = _fitting(store, arguments)
        return [
            f"{arguments['kid']} is a {arguments['use']} key of {entity}.",
            "Members refuse it within 5 minutes, and for good, whatever it signed and when.",
            "A member whose only key of a use it is exchanges nothing until it has another.",
        ]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Sign and store the notice. Raises :class:`OperationRefused`, ``KeyFilesRefused``."""
        with opened_store(settings) as store:
            notice = KeyRevocation(
                issuer=own_entity(settings),
                subject=_fitting(store, arguments),
                kid=arguments["kid"],
                use=KeyUse(arguments["use"]),
                revoked_at=at,
                reason=arguments["reason"],
                issued_at=at,
            )
            raw = build_key_revocation(notice, authority_signer(settings, store))

            def work(tx: Transaction) -> None:
                if not key_revocations.put(tx, StoredKeyRevocation.from_revocation(notice, raw), at=at):
                    raise OperationRefused("That key is revoked already; nothing was changed.")
                commit(tx)

            store.write(work)
        return [f"{notice.kid} of {notice.subject} is revoked ({notice.reason}); the historical keys say so."]


REVOKE_MEMBER_KEY = _MemberKeyRevocation()


def _fitting(store: Store, arguments: Mapping[str, Any]) -> EntityId:
    entity, kid = EntityId(arguments["entity_id"]), arguments["kid"]
    if not is_key_id(kid):
        raise OperationRefused(
            "A key id has 43 characters, as in the member's metadata and in `hearthgate trust key list` there."
        )
    if store.read(lambda tx: members.get(tx, entity=entity)) is None:
        raise OperationRefused(f"{entity} is not a member; `hearthgate trust list` shows who is.")
    if kid in store.read(lambda tx: key_revocations.kids_of(tx, subject=entity)):
        raise OperationRefused("That key is revoked already; nothing was changed.")
    return entity
