"""How those who vouch for this entity's federation keys come to know which ones it has.

A node or an intermediate asks its superiors, with a request that is signed with a key that they vouch for already. A
trust anchor has no superior: its offline recovery key signs a document, which members fetch within minutes.
"""

from datetime import datetime
from pathlib import Path
from typing import Protocol

import click

from config.settings import AnchorSettings
from gateway.administration.context import superiors
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.keys import HeldKeys, needed_files
from gateway.app.wiring import peer_transport
from gateway.cli import fingerprints
from gateway.cli.trust.membership import request_of, send_request
from gateway.keys.files import read_private
from gateway.keys.vault import open_vault
from gateway.store.tables import anchor_keys
from gateway.store.tables.federation_records import StoredAnchorKeys
from trust import strict_json
from trust.errors import TrustError
from trust.federation.anchor_keys import AnchorKeys, build_anchor_keys, parse_anchor_keys
from trust.federation.historical_keys import RevocationReason
from trust.keys import KeySet, KeyUse, LocalSigner, Signer

out_option = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the request here instead of sending it."
)
recovery_option = click.option(
    "--recovery-key", type=click.Path(path_type=Path), help="Trust anchor: its offline recovery key (PEM), which signs."
)
reason_option = click.option(
    "--reason",
    required=True,
    type=click.Choice([str(reason) for reason in RevocationReason]),
    help="As it is published with the key.",
)


class Way(Protocol):
    """The way up."""

    def effect(self) -> list[str]:
        """Say what telling will do."""

    def tell(self, keys: KeySet, *, at: datetime) -> list[str]:
        """Tell them that these are the keys, and say what was done."""

    def take_back(self, keys: KeySet, *, at: datetime) -> None:
        """Tell them that these are the keys after all, since the change could not be made."""


def way_up(held: HeldKeys, *, out: Path | None, recovery_key: Path | None) -> Way:
    """Return the way of this entity. Raises :class:`OperationRefused` where the command line does not fit it."""
    if superiors(held.settings):
        if recovery_key is not None:
            raise OperationRefused("Only a trust anchor has a recovery key; leave --recovery-key out.")
        return _ToSuperiors(held, out)
    if isinstance(held.settings, AnchorSettings):
        if out is not None:
            raise OperationRefused("A trust anchor asks nobody; leave --out out.")
        return _ToMembers(held, recovery_signer(held.settings, recovery_key))
    raise OperationRefused(
        "No authority is pinned yet that could vouch for this node; join one first: hearthgate trust join URL"
    )


def recovery_signer(settings: AnchorSettings, path: Path | None) -> Signer:
    """Read an anchor's recovery key, held to the rules of every private key.

    Raises :class:`OperationRefused` where members would not believe it, ``KeyFilesRefused`` and ``TrustError``.
    """
    if path is None:
        raise OperationRefused(
            "An anchor's keys change only with its offline recovery key: name its file with --recovery-key."
        )
    signer = LocalSigner.from_pem(read_private(path), KeyUse.RECOVERY)
    pinned = public_recovery(settings)
    if pinned is None:
        raise OperationRefused(
            "This trust anchor has no recovery key that members pinned; its keys are replaced by hand."
        )
    if signer.kid not in pinned.kids:
        raise OperationRefused("That is not the recovery key of this trust anchor: members would refuse what it signs.")
    return signer


def public_recovery(settings: AnchorSettings) -> KeySet | None:
    """Read the public halves of the anchor's recovery keys. Raises :class:`OperationRefused` and ``TrustError``."""
    if settings.anchor.recovery is None:
        return None
    raw = read_input(settings.base_dir / settings.anchor.recovery, "The public recovery key")
    return KeySet.from_jwks(strict_json.loads(raw, max_bytes=len(raw)), KeyUse.RECOVERY)


def signed_document(held: HeldKeys, keys: KeySet, signer: Signer, *, at: datetime) -> StoredAnchorKeys:
    """Sign the document that names an anchor's keys from now on, one number above the last.

    Raises :class:`OperationRefused` for another recovery key than the one that signed the last.
    """
    last = next((each for each in held.store.read(anchor_keys.load) if each.anchor == held.own), None)
    if last is not None:
        _refuse_other_recovery_key(last, signer, at)
    at = at.replace(microsecond=0)
    seq = 1 if last is None else last.seq + 1
    document = AnchorKeys(anchor=held.own, seq=seq, keys=keys, issued_at=at)
    return StoredAnchorKeys(anchor=held.own, seq=seq, raw=build_anchor_keys(document, signer), accepted_at=at)


class _ToSuperiors:
    def __init__(self, held: HeldKeys, out: Path | None) -> None:
        self._held = held
        self._out = out

    def effect(self) -> list[str]:
        asked = ", ".join(superiors(self._held.settings))
        if self._out is not None:
            return [f"A request goes to the file {self._out}, for the administrators of {asked}."]
        return [f"A request goes to {asked}, whose administrators admit it with `hearthgate trust admit`."]

    def tell(self, keys: KeySet, *, at: datetime) -> list[str]:
        raw = self._request(keys, at)
        if self._out is not None:
            write_new(self._out, raw, "The request")
            return [f"The request is in {self._out}. Send it to the administrators of your superior."]
        transport = peer_transport(self._held.settings)
        for superior in superiors(self._held.settings):
            send_request(transport, superior, raw, at=at)
        return ["The request was sent. It changes nothing until the superior's administrators admit it."]

    def take_back(self, keys: KeySet, *, at: datetime) -> None:
        if self._out is not None:
            self._out.unlink(missing_ok=True)
        else:
            self.tell(keys, at=at)

    def _request(self, keys: KeySet, at: datetime) -> bytes:
        held, settings = self._held, self._held.settings
        vault = open_vault(held.directory, needed=needed_files(settings), vouched=lambda: held.vouched)
        return request_of(settings, vault, keys, at=at)


class _ToMembers:
    def __init__(self, held: HeldKeys, signer: Signer) -> None:
        self._held = held
        self._signer = signer

    def effect(self) -> list[str]:
        return [
            "Members take the keys from a document within 5 minutes. It is signed with the recovery key of thumbprint:",
            *fingerprints.lines([self._signer.kid]),
        ]

    def tell(self, keys: KeySet, *, at: datetime) -> list[str]:
        document = signed_document(self._held, keys, self._signer, at=at)
        self._held.store.write(lambda tx: anchor_keys.put(tx, document))
        return [f"The document number {document.seq} names the keys; members fetch it within 5 minutes."]

    def take_back(self, keys: KeySet, *, at: datetime) -> None:
        self.tell(keys, at=at)


def _refuse_other_recovery_key(last: StoredAnchorKeys, signer: Signer, at: datetime) -> None:
    try:
        parse_anchor_keys(last.raw, recovery_keys=KeySet.of(KeyUse.RECOVERY, [signer.public]), now=at)
    except TrustError as other:
        raise OperationRefused(
            "That is not the recovery key that signed the last document of this anchor: members would refuse it."
        ) from other
