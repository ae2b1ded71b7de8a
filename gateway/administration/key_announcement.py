"""Announce the federation keys of this entity to those that vouch for them.

A node or an intermediate asks its superiors, with a request that is signed with a key that they vouch for already. A
trust anchor has no superior: its offline recovery key signs a document, which members fetch within minutes.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from config.settings import AnchorSettings
from gateway.administration import thumbprints
from gateway.administration.context import Settings, now, superiors
from gateway.administration.enrolment_requests import EnrolmentPorts, build_request, send_request
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.journal import record
from gateway.administration.keys import EntityKeys, first_files, keys_changed, opened_keys
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.keys import rotation
from gateway.keys.files import KeyFilesRefused, read_private
from gateway.keys.rotation import Draft
from gateway.keys.vault import open_vault
from gateway.store.tables import anchor_keys
from gateway.store.tables.federation_records import StoredAnchorKeys
from trust import strict_json
from trust.errors import TrustError
from trust.federation.anchor_keys import AnchorKeys, build_anchor_keys, parse_anchor_keys
from trust.keys import KeySet, KeyUse, LocalSigner, Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementOptions:
    """How an administrator has keys announced: a file for the request, or an anchor's recovery key."""

    ports: EnrolmentPorts
    out: Path | None = None
    recovery_key: Path | None = None


class KeyAnnouncement(Protocol):
    """One way to announce the keys: to superiors, or to the members of a trust anchor."""

    def effect(self) -> list[str]:
        """Return what announcing will do."""

    def announce(self, keys: KeySet, *, at: datetime) -> list[str]:
        """Announce that these are the keys; return what was done."""

    def retract(self, keys: KeySet, *, at: datetime) -> None:
        """Announce the former keys again, since the change could not be made."""


def announcement_for(keys: EntityKeys, options: AnnouncementOptions) -> KeyAnnouncement:
    """Return the announcement for this entity. Raises :class:`OperationRefused` where the options do not fit it."""
    if superiors(keys.settings):
        if options.recovery_key is not None:
            raise OperationRefused("Only a trust anchor has a recovery key; leave --recovery-key out.")
        return _ToSuperiors(keys, options)
    if isinstance(keys.settings, AnchorSettings):
        if options.out is not None:
            raise OperationRefused("`--out` does not apply to a trust anchor: it has no superior.")
        return _ToMembers(keys, recovery_signer(keys.settings, options.recovery_key))
    raise OperationRefused(
        "No authority is pinned yet that could vouch for this node; join one first: hearthgate trust join URL"
    )


def announce_and_apply(keys: EntityKeys, draft: Draft, announcement: KeyAnnouncement, at: datetime) -> list[str]:
    """Announce the drafted keys, then write them: an announced key that is never used does no harm, the reverse does.

    Where they cannot be written, the former keys are announced again. Raises what announcing raises, and
    ``KeyFilesRefused``.
    """
    lines = announcement.announce(keys.federation_keys(at, draft.records), at=at)
    try:
        rotation.apply(keys.directory, draft, at=at)
    except KeyFilesRefused:
        if keys.records:
            announcement.retract(keys.federation_keys(at), at=at)
        raise
    return lines


def recovery_signer(settings: AnchorSettings, path: Path | None) -> Signer:
    """Read an anchor's recovery key, by the rules of every private key.

    Raises :class:`OperationRefused` where members would refuse it, ``KeyFilesRefused`` and ``TrustError``.
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


def sign_anchor_keys(entity: EntityKeys, keys: KeySet, signer: Signer, *, at: datetime) -> StoredAnchorKeys:
    """Sign the document that names an anchor's keys from now on, one number above the last.

    Raises :class:`OperationRefused` for another recovery key than the one that signed the last.
    """
    last = entity.store.read(lambda tx: anchor_keys.get(tx, anchor=entity.own))
    if last is not None:
        _refuse_other_recovery_key(last, signer, at)
    at = at.replace(microsecond=0)
    seq = 1 if last is None else last.seq + 1
    document = AnchorKeys(anchor=entity.own, seq=seq, keys=keys, issued_at=at)
    return StoredAnchorKeys(anchor=entity.own, seq=seq, raw=build_anchor_keys(document, signer), accepted_at=at)


class _ToSuperiors:
    def __init__(self, entity: EntityKeys, options: AnnouncementOptions) -> None:
        self._entity = entity
        self._ports = options.ports
        self._out = options.out

    def effect(self) -> list[str]:
        above = ", ".join(superiors(self._entity.settings))
        if self._out is not None:
            return [f"A request goes to the file {self._out}, for the administrators of {above}."]
        return [f"A request goes to {above}, whose administrators admit it with `hearthgate trust admit`."]

    def announce(self, keys: KeySet, *, at: datetime) -> list[str]:
        raw = self._request(keys, at)
        if self._out is not None:
            write_new(self._out, raw, "The request")
            return [f"The request is in {self._out}. Send it to the administrators of your superior."]
        transport = self._ports.transport()
        for superior in superiors(self._entity.settings):
            send_request(transport, superior, raw, at=at)
        return ["The request was sent. It changes nothing until the superior's administrators admit it."]

    def retract(self, keys: KeySet, *, at: datetime) -> None:
        if self._out is not None:
            self._out.unlink(missing_ok=True)
        else:
            self.announce(keys, at=at)

    def _request(self, keys: KeySet, at: datetime) -> bytes:
        entity, settings = self._entity, self._entity.settings
        vault = open_vault(entity.directory, needed=first_files(settings), vouched_since=lambda: entity.vouched)
        return build_request(settings, self._ports, vault, keys, at=at)


class _ToMembers:
    def __init__(self, entity: EntityKeys, signer: Signer) -> None:
        self._entity = entity
        self._signer = signer

    def effect(self) -> list[str]:
        return [
            "Members take the keys from a document within 5 minutes. It is signed with the recovery key of thumbprint:",
            *thumbprints.lines([self._signer.kid]),
        ]

    def announce(self, keys: KeySet, *, at: datetime) -> list[str]:
        document = sign_anchor_keys(self._entity, keys, self._signer, at=at)
        self._entity.store.write(lambda tx: anchor_keys.put(tx, document))
        return [f"The document number {document.seq} names the keys; members fetch it within 5 minutes."]

    def retract(self, keys: KeySet, *, at: datetime) -> None:
        self.announce(keys, at=at)


def _refuse_other_recovery_key(last: StoredAnchorKeys, signer: Signer, at: datetime) -> None:
    try:
        parse_anchor_keys(last.raw, recovery_keys=KeySet.of(KeyUse.RECOVERY, [signer.public]), now=at)
    except TrustError as other:
        raise OperationRefused(
            "That is not the recovery key that signed the last document of this anchor: members would refuse it."
        ) from other


def plan_announcement(settings: Settings, options: AnnouncementOptions) -> ChangePlan:
    """Plan to have the published federation keys vouched for, and no others.

    Raises :class:`OperationRefused`, ``KeyFilesRefused`` and ``TrustError``.
    """
    with opened_keys(settings) as keys:
        planned_keys = keys.federation_keys(now())
        effect = [
            f"{keys.own} asks to be vouched for with these federation keys and no others:",
            *thumbprints.lines(sorted(planned_keys.kids)),
            *announcement_for(keys, options).effect(),
        ]

    def apply() -> UseCaseResult:
        at = now()
        with opened_keys(settings) as keys:
            published = keys.federation_keys(at)
            if published.kids != planned_keys.kids:
                raise keys_changed()
            announcement = announcement_for(keys, options)
            record(settings, "key announce", entity_id=keys.own, key_ids=sorted(published.kids))
            lines = announcement.announce(published, at=at)
            rotation.apply(keys.directory, Draft(records=keys.records, new_key=None), at=at)
        return UseCaseResult(lines=lines, data={"entity_id": keys.own, "key_ids": sorted(published.kids)})

    return ChangePlan(effect=effect, question="Announce them?", apply=apply)
