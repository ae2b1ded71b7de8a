"""``hearthgate trust key revoke``: end a key at once, whatever it signed."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from config.settings import AnchorSettings
from gateway.administration.context import Settings, now, superiors
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.keys import HeldKeys, held_keys
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import apply_plan, command_output, emergency_option, yes_option
from gateway.cli.trust.key.ways import reason_option, recovery_option, recovery_signer, signed_document
from gateway.keys.rotation import Draft, apply, draft_revocation
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
    KeyUse.MESSAGE: f"{_WITHIN}; messages and replies that it signed are refused from then on, whatever their date.",
    KeyUse.OAUTH: f"{_WITHIN}. Every access token that it signed ends now; peers and case systems ask for new ones.",
    KeyUse.DPOP: "Tokens that are bound to it are not used again; new ones are asked for.",
    KeyUse.EVIDENCE: f"{_WITHIN}.",
    KeyUse.ENCRYPTION: f"{_WITHIN}. Its private half stays, so that what was encrypted to it can still be read.",
    KeyUse.FEDERATION: f"{_WITHIN}. Signatures on agreements that were added before stand.",
}


@click.command()
@click.argument("kid", metavar="KEY-ID")
@reason_option
@recovery_option
@emergency_option
@config_option
@yes_option
@command_output
def revoke(*, kid: str, config: Path | None, reason: str, recovery_key: Path | None, **how: Any) -> UseCaseResult:
    """End the key with this id: it goes from what is published, and another signs at once.

    It takes a second administrator, or an emergency. A node that runs notices without a restart. Use it where somebody
    else may have the key; to replace one in good order, rotate it.
    """
    settings = load_settings(config)
    arguments = plan_revocation(settings, kid, reason, recovery_key=recovery_key)
    wanted = ChangeRequest(act=REVOKE, arguments=arguments, reason=reason, emergency=how["emergency"])
    return apply_plan(plan_request(settings, wanted), yes=how["yes"])


def plan_revocation(settings: Settings, kid: str, reason: str, *, recovery_key: Path | None = None) -> dict[str, str]:
    """Return the arguments to revoke a key later. Raises ``ChangeRefused``, ``OperationRefused``.

    Whoever approves has no recovery key at hand, so what it has to sign is signed now.
    """
    at = now()
    with held_keys(settings) as held:
        draft = draft_revocation(held.records, kid, RevocationReason(reason), at=at)
        arguments = {"kid": kid, "reason": reason}
        if isinstance(settings, AnchorSettings) and _needs_document(held, kid, at):
            if draft.new_key is not None:
                raise OperationRefused(
                    "It is the only key of this trust anchor, and members take another only from a document: make one "
                    "first with `hearthgate trust key rotate --use federation --sign-after 0 --recovery-key FILE`."
                )
            left = held.federation(at, draft.records)
            document = signed_document(held, left, recovery_signer(settings, recovery_key), at=at)
            arguments["document"] = document.raw.decode("ascii")
        elif recovery_key is not None:
            raise OperationRefused("The recovery key is not needed for this; leave --recovery-key out.")
    return arguments


class _Revocation:
    """The act of revoking a key, as it was planned."""

    name = "trust key revoke"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what revoking does. Raises ``ChangeRefused``, :class:`OperationRefused`."""
        at = now()
        with held_keys(settings) as held:
            draft, use = _drafted(held, arguments, at)
            kid = arguments["kid"]
            return [f"{kid} is a {use} key. {_EFFECTS[use]}", *_successor(draft, use, at)]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Revoke the key and say what is left to do. Raises as :meth:`effect`, and ``KeyFilesRefused``.

        The files come first, since a key that is revoked and not yet settled does no harm, the reverse does.
        """
        with held_keys(settings) as held:
            draft, use = _drafted(held, arguments, at)
            apply(held.directory, draft, at=at)
            try:
                held.store.write(lambda tx: _settle(tx, held.own, arguments, at, commit))
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
                "Your superior vouches for the revoked key still, and nobody trusts you by one that it does not know:",
                "run `hearthgate trust key announce` now, and ring its administrators.",
            ]
        return lines


REVOKE = _Revocation()


def _drafted(held: HeldKeys, arguments: Mapping[str, Any], at: datetime) -> tuple[Draft, KeyUse]:
    """Return the revocation as it would be made now. Raises ``OperationRefused`` where it is not what was planned."""
    kid = arguments["kid"]
    draft = draft_revocation(held.records, kid, RevocationReason(arguments["reason"]), at=at)
    if _needs_document(held, kid, at):
        _refuse_stale(held, arguments, held.federation(at, draft.records))
    return draft, next(each.use for each in held.records if each.kid == kid)


def _refuse_stale(held: HeldKeys, arguments: Mapping[str, Any], left: KeySet) -> None:
    """Refuse a document that does not name the keys that would be left, or that a newer one has overtaken."""
    if "document" in arguments:
        claims = jose.peek(arguments["document"].encode("ascii"), typ=TYP, max_bytes=MAX_BYTES).claims
        named = KeySet.from_jwks(claims["jwks"], KeyUse.FEDERATION).kids
        last = max((each.seq for each in held.store.read(anchor_keys.load) if each.anchor == held.own), default=0)
        if named == left.kids and claims["seq"] > last:
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


def _needs_document(held: HeldKeys, kid: str, at: datetime) -> bool:
    """Tell whether members must hear of it from the recovery key: a key of an anchor that they take as its own."""
    is_anchor = isinstance(held.settings, AnchorSettings) and not superiors(held.settings)
    return is_anchor and kid in held.federation(at).kids


def _successor(draft: Draft, use: KeyUse, at: datetime) -> list[str]:
    if draft.new_key is not None:
        unknown = "" if use is KeyUse.DPOP else " Peers do not know it yet, and ask for it when they meet it."
        return [f"A new {use} key takes its place at once.{unknown}"]
    heir = signing_key(lifecycles(draft.records, vouched={}), use, now=at)
    return [f"{heir.kid} signs."]
