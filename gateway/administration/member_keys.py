"""End the trust in a key of a member, for good: an authority revokes it for a member that cannot."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from config.settings import AnchorSettings
from gateway.administration.context import Settings, authority_signer, opened_store, own_entity
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.membership import get_member
from gateway.administration.outcome import ChangePlan
from gateway.ports import Store, Transaction
from gateway.store.tables import key_revocations
from gateway.store.tables.federation_records import StoredKeyRevocation
from trust.federation.key_revocation import KeyRevocation, build_key_revocation, is_key_id
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeyUse

MEMBER_KEY_USES = tuple(
    str(use) for use in (KeyUse.FEDERATION, KeyUse.MESSAGE, KeyUse.OAUTH, KeyUse.ENCRYPTION, KeyUse.EVIDENCE)
)


def plan_member_key_revocation(
    settings: AnchorSettings, entity: str, kid: str, *, use: str, reason: str, emergency: str | None
) -> ChangePlan:
    """Plan to revoke a key of a member that cannot revoke it itself. Raises :class:`OperationRefused`."""
    arguments = {"entity_id": parse_entity_id(entity), "kid": kid, "use": use, "reason": reason}
    request = ChangeRequest(act=REVOKE_MEMBER_KEY, arguments=arguments, reason=reason, emergency=emergency)
    return plan_request(settings, request)


class _MemberKeyRevocation:
    """The act of revoking a member's key."""

    name = "trust revoke"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Return what it does. Raises :class:`OperationRefused`."""
        with opened_store(settings) as store:
            entity = _member_of(store, arguments)
        return [
            f"{arguments['kid']} is a {arguments['use']} key of {entity}.",
            "Members refuse it within 5 minutes, and for good, with all that it ever signed.",
            "A member whose only key of a use it is exchanges nothing until it has another.",
        ]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Sign and store the notice. Raises :class:`OperationRefused`, ``KeyFilesRefused``."""
        with opened_store(settings) as store:
            notice = KeyRevocation(
                issuer=own_entity(settings),
                subject=_member_of(store, arguments),
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


def _member_of(store: Store, arguments: Mapping[str, Any]) -> EntityId:
    """Return the member whose unrevoked key the arguments name. Raises :class:`OperationRefused`."""
    entity, kid = EntityId(arguments["entity_id"]), arguments["kid"]
    if not is_key_id(kid):
        raise OperationRefused(
            "A key id has 43 characters, as in the member's metadata and in `hearthgate trust key list` there."
        )
    get_member(store, entity)
    if kid in store.read(lambda tx: key_revocations.kids_of(tx, subject=entity)):
        raise OperationRefused("That key is revoked already; nothing was changed.")
    return entity
