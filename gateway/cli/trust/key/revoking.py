"""``hearthgate trust key revoke``: end a key at once, whatever it signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from config.settings import AnchorSettings
from gateway.cli.context import config_option, load_settings, now
from gateway.cli.faults import Refused
from gateway.cli.journal import record
from gateway.cli.outcome import Outcome, announce, answers, confirm, yes_option
from gateway.cli.trust.key.held import HeldKeys, Settings, held_keys, superiors
from gateway.cli.trust.key.ways import recovery_option, recovery_signer, signed_document
from gateway.keys.changes import Draft, make, revocation
from gateway.keys.ledger import lives, signing
from gateway.store import anchor_keys
from gateway.trust_records import StoredAnchorKeys
from trust import jose
from trust.federation.anchor_keys import MAX_BYTES, TYP
from trust.federation.historical_keys import RevocationReason
from trust.keys import KeyUse

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
@click.option(
    "--reason",
    required=True,
    type=click.Choice([str(reason) for reason in RevocationReason]),
    help="As it is published with the key.",
)
@recovery_option
@config_option
@yes_option
@answers
def revoke(*, kid: str, config: Path | None, reason: str, recovery_key: Path | None, yes: bool) -> Outcome:
    """End the key with this id: it goes from what is published, and another signs at once.

    A node that runs notices without a restart. Use it where somebody else may have the key; to replace one in good
    order, rotate it.
    """
    settings = load_settings(config)
    plan = plan_revocation(settings, kid, reason, recovery_key=recovery_key)
    announce(*plan.effects)
    confirm("Revoke it?", yes=yes)
    at = now()
    record(settings, "key revoke", key_id=kid, reason=reason)
    lines = perform_revoke(settings, plan.arguments, at)
    return Outcome(lines=lines, data={"key_id": kid, "reason": reason, "revoked_at": at.isoformat()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A revocation that was asked for: its effect, and all that it takes to perform it later."""

    effects: list[str]
    arguments: dict[str, str]


def plan_revocation(settings: Settings, kid: str, reason: str, *, recovery_key: Path | None = None) -> Plan:
    """Check a revocation and say what it would do; nothing is changed. Raises as :func:`perform_revoke` does."""
    at = now()
    with held_keys(settings) as held:
        draft = revocation(held.records, kid, RevocationReason(reason), at=at)
        use = next(each.use for each in held.records if each.kid == kid)
        arguments = {"kid": kid, "reason": reason}
        if _needs_document(held, kid, at):
            if draft.made is not None:
                raise Refused(
                    "It is the only key of this trust anchor, and members take another only from a document: make one "
                    "first with `hearthgate trust key rotate --use federation --sign-after 0 --recovery-key FILE`."
                )
            left = held.federation(at, draft.records)
            document = signed_document(held, left, recovery_signer(recovery_key), at=at)
            arguments["document"] = document.raw.decode("ascii")
        elif recovery_key is not None:
            raise Refused("The recovery key is not needed for this; leave --recovery-key out.")
    return Plan(effects=[f"{kid} is a {use} key. {_EFFECTS[use]}", *_successor(draft, use, at)], arguments=arguments)


def perform_revoke(settings: Settings, arguments: Mapping[str, str], at: datetime) -> list[str]:
    """Revoke a key as it was planned, and say what is left to do.

    Raises ``ChangeRefused``, ``KeyFilesRefused`` and :class:`Refused`; only the last can come after the key is revoked
    here, and then says so.
    """
    kid, reason = arguments["kid"], RevocationReason(arguments["reason"])
    with held_keys(settings) as held:
        use = next((each.use for each in held.records if each.kid == kid), None)
        draft = revocation(held.records, kid, reason, at=at)
        make(held.directory, draft, at=at)
        if "document" in arguments:
            _publish(held, arguments["document"].encode("ascii"), at)
    lines = [f"{kid} is revoked ({reason})."]
    if draft.made is not None:
        lines.append(f"{draft.made.kid} signs in its place from now on.")
    if use is KeyUse.FEDERATION and superiors(settings):
        lines += [
            "Your superior vouches for the revoked key still, and nobody trusts you by one that it does not know:",
            "run `hearthgate trust key announce` now, and ring its administrators.",
        ]
    return lines


def _needs_document(held: HeldKeys, kid: str, at: datetime) -> bool:
    """Tell whether members must hear of it from the recovery key: a key of an anchor that they take as its own."""
    is_anchor = isinstance(held.settings, AnchorSettings) and not superiors(held.settings)
    return is_anchor and kid in held.federation(at).kids


def _publish(held: HeldKeys, raw: bytes, at: datetime) -> None:
    seq = jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims["seq"]
    document = StoredAnchorKeys(anchor=held.own, seq=seq, raw=raw, accepted_at=at)
    if not held.store.write(lambda tx: anchor_keys.put(tx, document)):
        raise Refused(
            "The key is revoked here, but a newer document was signed meanwhile, which may still name it: run "
            "`hearthgate trust key announce --recovery-key FILE` now."
        )


def _successor(draft: Draft, use: KeyUse, at: datetime) -> list[str]:
    if draft.made is not None:
        unknown = "" if use is KeyUse.DPOP else " Peers do not know it yet, and ask for it when they meet it."
        return [f"A new {use} key takes its place at once.{unknown}"]
    heir = signing(lives(draft.records, vouched={}), use, now=at)
    return [f"{heir.kid} signs."]
