"""Revoke a key of this entity at once, with all that it signed; a change that takes two administrators."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from config.settings import AnchorSettings
from gateway.administration.context import Settings, now, superiors
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.key_announcement import recovery_signer, sign_anchor_keys
from gateway.administration.keys import EntityKeys, opened_keys
from gateway.administration.outcome import ChangePlan
from gateway.keys import rotation
from gateway.keys.rotation import Draft, draft_revocation
from gateway.keys.schedule import lifecycles, signing_key
from gateway.ports import Transaction
from gateway.store.tables import anchor_keys
from gateway.store.tables.federation_records import StoredAnchorKeys
from trust import jose
from trust.federation.anchor_keys import MAX_BYTES, TYP
from trust.federation.historical_keys import RevocationReason
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

_WITHIN = "Peers drop it when they next ask for the chain, within 5 minutes"
_EFFECTS: Mapping[KeyUse, str] = {
    KeyUse.MESSAGE: f"{_WITHIN}; messages and replies that it signed are refused from then on, of any date.",
    KeyUse.OAUTH: f"{_WITHIN}. Every access token that it signed ends now; peers and case systems ask for new ones.",
    KeyUse.DPOP: "Tokens that are bound to it are not used again; new ones are asked for.",
    KeyUse.EVIDENCE: f"{_WITHIN}.",
    KeyUse.ENCRYPTION: f"{_WITHIN}. Its private half stays, so that what was encrypted to it can still be read.",
    KeyUse.FEDERATION: f"{_WITHIN}. Signatures on agreements that were added before stand.",
}


def plan_key_revocation(
    settings: Settings, kid: str, *, reason: str, recovery_key: Path | None, emergency: str | None
) -> ChangePlan:
    """Plan to end a key at once; it takes two administrators, or an emergency.

    Raises ``ChangeRefused``, :class:`OperationRefused` and ``KeyFilesRefused``.
    """
    arguments = revocation_arguments(settings, kid, reason, recovery_key=recovery_key)
    return plan_request(settings, ChangeRequest(act=REVOKE, arguments=arguments, reason=reason, emergency=emergency))


def revocation_arguments(
    settings: Settings, kid: str, reason: str, *, recovery_key: Path | None = None
) -> dict[str, str]:
    """Return the arguments to revoke a key later. Raises ``ChangeRefused``, ``OperationRefused``.

    The administrator who approves has no recovery key, so what it has to sign is signed now.
    """
    at = now()
    with opened_keys(settings) as keys:
        draft = draft_revocation(keys.records, kid, RevocationReason(reason), at=at)
        arguments = {"kid": kid, "reason": reason}
        if isinstance(settings, AnchorSettings) and _needs_document(keys, kid, at):
            if draft.new_key is not None:
                raise OperationRefused(
                    "It is the only key of this trust anchor, and members take another only from a document: make one "
                    "first with `hearthgate trust key rotate --use federation --sign-after 0 --recovery-key FILE`."
                )
            rest = keys.federation_keys(at, draft.records)
            document = sign_anchor_keys(keys, rest, recovery_signer(settings, recovery_key), at=at)
            arguments["document"] = document.raw.decode("ascii")
        elif recovery_key is not None:
            raise OperationRefused("The recovery key is not needed for this; leave --recovery-key out.")
    return arguments


class _KeyRevocation:
    """The act of revoking a key, as it was planned."""

    name = "trust key revoke"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Return what revoking does. Raises ``ChangeRefused``, :class:`OperationRefused`."""
        at = now()
        with opened_keys(settings) as keys:
            draft, use = _draft(keys, arguments, at)
            kid = arguments["kid"]
            return [f"{kid} is a {use} key. {_EFFECTS[use]}", *_successor(draft, use, at)]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Revoke the key and return what is left to do. Raises as :meth:`effect`, and ``KeyFilesRefused``.

        The files come first, since a key that is revoked and not yet settled does no harm, the reverse does.
        """
        with opened_keys(settings) as keys:
            draft, use = _draft(keys, arguments, at)
            rotation.apply(keys.directory, draft, at=at)
            try:
                keys.store.write(lambda tx: _settle(tx, keys.own, arguments, at, commit))
            except OperationRefused as late:
                raise OperationRefused(
                    f"{arguments['kid']} is revoked all the same, in the same moment: {late}"
                ) from late
        kid = arguments["kid"]
        lines = [f"{kid} is revoked ({arguments['reason']})."]
        if draft.new_key is not None:
            lines.append(f"{draft.new_key.kid} signs in its place from now on.")
        if use is KeyUse.FEDERATION and superiors(settings):
            lines += [
                "Your superior vouches for the revoked key still, and no member trusts a key that it does not name:",
                "run `hearthgate trust key announce` now, and ring its administrators.",
            ]
        return lines


REVOKE = _KeyRevocation()


def _draft(keys: EntityKeys, arguments: Mapping[str, Any], at: datetime) -> tuple[Draft, KeyUse]:
    """Return the revocation as it would be made now. Raises ``OperationRefused`` where it is not what was planned."""
    kid = arguments["kid"]
    draft = draft_revocation(keys.records, kid, RevocationReason(arguments["reason"]), at=at)
    if _needs_document(keys, kid, at):
        _refuse_stale(keys, arguments, keys.federation_keys(at, draft.records))
    return draft, next(each.use for each in keys.records if each.kid == kid)


def _refuse_stale(keys: EntityKeys, arguments: Mapping[str, Any], rest: KeySet) -> None:
    """Refuse a document that does not name the keys that would be left, or that a newer one has overtaken."""
    if "document" in arguments:
        claims = jose.peek(arguments["document"].encode("ascii"), typ=TYP, max_bytes=MAX_BYTES).claims
        key_ids = KeySet.from_jwks(claims["jwks"], KeyUse.FEDERATION).kids
        last = keys.store.read(lambda tx: anchor_keys.get(tx, anchor=keys.own))
        if key_ids == rest.kids and claims["seq"] > (last.seq if last else 0):
            return
    raise OperationRefused(
        "The keys of this trust anchor changed since the revocation was asked for, so what its recovery key signed "
        "then does not fit: decline it, and ask again."
    )


def _settle(tx: Transaction, own: EntityId, arguments: Mapping[str, Any], at: datetime, commit: Commit) -> None:
    if "document" in arguments:
        raw = arguments["document"].encode("ascii")
        seq = jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims["seq"]
        anchor_keys.put(tx, StoredAnchorKeys(anchor=own, seq=seq, raw=raw, accepted_at=at))
    commit(tx)


def _needs_document(keys: EntityKeys, kid: str, at: datetime) -> bool:
    """Return whether the recovery key must tell members: it does of a published key of a trust anchor."""
    is_anchor = isinstance(keys.settings, AnchorSettings) and not superiors(keys.settings)
    return is_anchor and kid in keys.federation_keys(at).kids


def _successor(draft: Draft, use: KeyUse, at: datetime) -> list[str]:
    if draft.new_key is not None:
        unknown = "" if use is KeyUse.DPOP else " Peers do not know it yet, and ask for it when they meet it."
        return [f"A new {use} key takes its place at once.{unknown}"]
    heir = signing_key(lifecycles(draft.records, vouched_since={}), use, now=at)
    return [f"{heir.kid} signs."]
