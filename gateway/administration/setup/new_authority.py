"""A new trust anchor or intermediate in a folder of its own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.loading import ANCHOR_FILE
from gateway.administration import thumbprints
from gateway.administration.files import write_new
from gateway.administration.outcome import UseCaseResult
from gateway.administration.setup.config_files import SetupOptions, common_values, quote, render
from gateway.administration.setup.scaffold import new_folder, next_steps, scaffold
from gateway.keys.files import ANCHOR_KEYS
from gateway.keys.vault import open_vault
from trust import strict_json
from trust.federation.anchor_keys import Pin, build_pin
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner

PIN_FILE, RECOVERY_FILE = "anchor-pin.json", "recovery.json"
_ANCHOR_STEPS = (
    "Run it: hearthgate serve --config {dir}/anchor.toml",
    "Tell the agencies its address: hearthgate trust join ENTITY; read the thumbprints out to them by telephone.",
    "Admit each agency: hearthgate trust admit ENTITY --config {dir}/anchor.toml --thumbprint THUMBPRINT",
)
_INTERMEDIATE_STEPS = (
    "Pin the trust anchor and ask to be admitted: hearthgate trust join SUPERIOR --config {dir}/anchor.toml",
    *_ANCHOR_STEPS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityOptions:
    """A new authority: with superiors an intermediate, else a trust anchor with ``recovery_key``, a new file."""

    common: SetupOptions
    superiors: Sequence[str]
    recovery_key: Path


def set_up_authority(folder: Path, options: AuthorityOptions) -> UseCaseResult:
    """Make an authority's folder: its configuration, keys and store. Raises :class:`OperationRefused`."""
    with new_folder(folder) as (staging, target):
        return (_intermediate if options.superiors else _anchor)(staging, target, options)


def authority_toml(options: AuthorityOptions) -> str:
    """Return an authority's configuration file. Raises :class:`OperationRefused`."""
    own = f"recovery = {quote(RECOVERY_FILE)}   # public; its private half is kept offline\n"
    if options.superiors:
        own = f"superiors = {json.dumps(list(options.superiors))}   # who vouch for this intermediate\n"
    return render("authority", **common_values(options.common), own=own)


def _anchor(staging: Path, target: Path, options: AuthorityOptions) -> UseCaseResult:
    place = options.recovery_key
    recovery = LocalSigner.generate(KeyUse.RECOVERY)
    offline = KeySet.of(KeyUse.RECOVERY, [recovery.public])
    write_new(staging / RECOVERY_FILE, strict_json.dumps(offline.to_jwks()), "The recovery key", mode=0o600)
    keys = _scaffold(staging, options)
    pin = Pin(entity=EntityId(options.common.entity_id), keys=keys, recovery=offline)
    write_new(staging / PIN_FILE, build_pin(pin), "The pin", mode=0o600)
    write_new(place, recovery.to_pem(), "The recovery key", mode=0o600)
    lines = [
        f"A trust anchor {pin.entity} is set up in {target}.",
        "",
        f"Its recovery key is in {place}. Move that file off this machine now, to two locked places, and leave no",
        "copy here: it alone can replace the anchor's keys, and can act as the anchor.",
        "",
        f"Members pin what is in {target / PIN_FILE}, after comparing these thumbprints with you by another channel,",
        "such as the telephone; the last is the recovery key's:",
        *thumbprints.lines(thumbprints.kids_of(pin)),
        "",
        *next_steps(target, options.common, _ANCHOR_STEPS),
    ]
    data = _data(target, options, keys) | {
        "pin": str(target / PIN_FILE),
        "recovery_key": str(place),
        "recovery_key_id": recovery.kid,
    }
    return UseCaseResult(lines=lines, data=data)


def _intermediate(staging: Path, target: Path, options: AuthorityOptions) -> UseCaseResult:
    keys = _scaffold(staging, options)
    above = ", ".join(options.superiors)
    lines = [
        f"An intermediate {options.common.entity_id} under {above} is set up in {target}.",
        "",
        *next_steps(target, options.common, _INTERMEDIATE_STEPS),
    ]
    return UseCaseResult(lines=lines, data=_data(target, options, keys) | {"superiors": list(options.superiors)})


def _scaffold(staging: Path, options: AuthorityOptions) -> KeySet:
    later = options.common.tls is None
    scaffold(staging, ANCHOR_FILE, authority_toml(options), keys=ANCHOR_KEYS, certificate_later=later)
    vault = open_vault(staging / "keys", needed=ANCHOR_KEYS)
    return KeySet.of(KeyUse.FEDERATION, [vault.signer(KeyUse.FEDERATION).public])


def _data(target: Path, options: AuthorityOptions, keys: KeySet) -> dict[str, Any]:
    return {
        "directory": str(target),
        "config": str(target / ANCHOR_FILE),
        "entity_id": options.common.entity_id,
        "federation_key_ids": sorted(keys.kids),
    }
