"""Join a federation: pin the anchor above an authority, and ask that authority to vouch for this entity."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

from config.settings import AnchorSettings
from gateway.administration import thumbprints
from gateway.administration.anchor_discovery import Line, is_vouched_for, lines_above, pin_of
from gateway.administration.context import Settings, identity, now, own_entity
from gateway.administration.enrolment_requests import EnrolmentPorts, build_request, send_request
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.keys import vault_of
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.administration.setup.config_edits import pin_file, replace, with_pin, with_superior
from trust.federation.anchor_keys import Pin, build_pin, parse_pin
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId
from trust.keys import KeyUse

_AGAIN_S = 2.0

Progress = Callable[..., None]
"""Show lines to the administrator while a use case runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """The authority to join, and how: ``out`` names a file for the request, ``wait`` how long to wait at most.

    ``anchor`` names the trust anchor to pin, where several are above the authority.
    """

    authority: EntityId
    config_file: Path
    anchor: str | None = None
    out: Path | None = None
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorOffer:
    """The anchor to pin. Its ``pin`` is what a stranger shows until it is ``pinned`` here or was compared.

    ``line`` leads from the authority to the anchor; None where a request is only written to a file.
    """

    pin: Pin
    line: Line | None
    pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """One entity that joins an authority: a node, or an authority that is to be below another."""

    settings: Settings
    ports: EnrolmentPorts
    request: JoinRequest

    def find_anchor(self) -> AnchorOffer:
        """Return the anchor to pin. Raises :class:`OperationRefused`, ``TransportError`` and ``TrustError``."""
        _refuse_trust_anchor(self.settings)
        anchors = self.settings.trust.anchors
        first = self._pinned(EntityId(anchors[0].entity_id)) if anchors else None
        if self.request.out is not None and first is not None:
            return AnchorOffer(pin=first, line=None, pinned=True)  # this machine need not have a route to the authority
        transport = self.ports.transport()
        line = _choose(lines_above(transport, self.request.authority, now=now()), self.request)
        pin = self._pinned(line.anchor.entity_id)
        if pin is not None and line.anchor.signed_with in pin.keys.kids:
            return AnchorOffer(pin=pin, line=line, pinned=True)
        return AnchorOffer(pin=pin_of(transport, line.anchor), line=line, pinned=False)

    def plan(self, offer: AnchorOffer, typed: Sequence[str], *, progress: Progress) -> ChangePlan:
        """Plan to pin an anchor whose thumbprints were typed or that is pinned, and to send the request.

        Raises :class:`OperationRefused`, ``KeyFilesRefused`` and ``TrustError``.
        """
        _refuse_other_thumbprints(offer, typed)
        vault = vault_of(self.settings)
        keys = vault.published(KeyUse.FEDERATION)
        raw, kids = build_request(self.settings, self.ports, vault, keys, at=now()), sorted(keys.kids)
        text = self._edited_configuration(offer.pin)

        def apply() -> UseCaseResult:
            self._send(raw, offer.pin)
            self._save(text, offer.pin)
            progress(*self._to_read_out(kids))
            if self.request.wait is not None and offer.line is not None:
                self._wait(offer.line, self.request.wait, progress)
            return self._result(offer.pin, kids)

        return ChangePlan(effect=self._effect(offer), question="Join it?", apply=apply)

    def _pinned(self, anchor: EntityId) -> Pin | None:
        for each in self.settings.trust.anchors:
            if each.entity_id == anchor:
                return parse_pin((self.settings.base_dir / each.jwks).read_bytes(), anchor)
        return None

    def _effect(self, offer: AnchorOffer) -> list[str]:
        pin, request = offer.pin, self.request
        verb = "it is pinned already" if self._pinned(pin.entity) == pin else "it will be pinned"
        lines = [
            f"The trust anchor is {pin.entity}; {verb} with these keys:",
            *thumbprints.lines(thumbprints.kids_of(pin)),
        ]
        if not pin.recovery:
            lines.append(
                "It has no recovery key: should its key be lost or stolen, every node pins the next one by hand."
            )
        if offer.line is not None and request.authority != pin.entity:
            below = ", ".join(member.entity_id for member in reversed(offer.line.members[:-1]))
            lines.append(f"Under it stand, as they say of themselves: {below}.")
        own, place = own_entity(self.settings), "" if request.out is None else f"the file {request.out}, for "
        lines.append(f"A request to vouch for {own} goes to {place}{request.authority}. Nothing in it is secret.")
        return lines

    def _send(self, raw: bytes, pin: Pin) -> None:
        authority, out = self.request.authority, self.request.out
        record(self.settings, "trust join", authority=authority, anchor=pin.entity, key_ids=thumbprints.kids_of(pin))
        if out is not None:
            write_new(out, raw, "The request")
        else:
            send_request(self.ports.transport(), authority, raw, at=now())

    def _pin_file(self, anchor: EntityId) -> Path:
        """Return where the pin of an anchor is, or will be."""
        return {each.entity_id: each.jwks for each in self.settings.trust.anchors}.get(anchor, pin_file(anchor))

    def _edited_configuration(self, pin: Pin) -> str:
        """Return the configuration with the anchor pinned and the authority named. Raises :class:`OperationRefused`."""
        text = self.request.config_file.read_text(encoding="utf-8")
        text = with_pin(text, pin.entity, str(self._pin_file(pin.entity)))
        configured = identity(self.settings).superiors
        if self.request.authority == pin.entity and not configured:
            return text  # where none is named, the pinned anchors are the superiors
        earlier = configured or tuple(each.entity_id for each in self.settings.trust.anchors)
        for superior in (*earlier, self.request.authority):
            text = with_superior(text, self.settings.role, superior)
        return text

    def _save(self, text: str, pin: Pin) -> None:
        """Write the pin's file, then the configuration that names it: each whole or not at all."""
        path, file = self.request.config_file, self.settings.base_dir / self._pin_file(pin.entity)
        try:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            replace(file, build_pin(pin))
            if text != path.read_text(encoding="utf-8"):
                replace(path, text.encode("utf-8"))
        except (OperationRefused, OSError) as failed:
            out = self.request.out
            outcome = f"The request is in {out}" if out is not None else f"{self.request.authority} has the request"
            raise OperationRefused(
                f"{outcome}, and the anchor is not pinned here yet: {failed}. Make that file and its folder writable, "
                "then run the same command again; a request that is sent twice counts once."
            ) from failed

    def _to_read_out(self, kids: list[str]) -> list[str]:
        how = "Send the file to them. " if self.request.out is not None else ""
        authority = self.request.authority
        return [
            f"{how}Ring the administrators of {authority}, on a number that you have from elsewhere, and read out the",
            "thumbprint of your federation key; they type it into `hearthgate trust admit`:",
            *thumbprints.lines(kids),
        ]

    def _wait(self, line: Line, limit: timedelta, progress: Progress) -> None:
        """Poll the authority until it vouches for this entity. Raises ``OperationRefused`` when time is up."""
        own, authority, transport = own_entity(self.settings), line.authority, self.ports.transport()
        entity = parse_federation_entity(authority.metadata.get(FEDERATION_ENTITY, {}), entity=authority.entity_id)
        if entity.fetch_endpoint is None:
            raise OperationRefused(f"{authority.entity_id} names no fetch endpoint, so it vouches for no entity.")
        progress(f"Waiting for {authority.entity_id} to vouch for {own} ...")
        end = monotonic() + limit.total_seconds()
        while monotonic() < end:
            if is_vouched_for(transport, authority, own, now=now()):
                return
            sleep(_AGAIN_S)
        raise OperationRefused(
            f"{authority.entity_id} does not vouch for {own} yet. The request stands; `hearthgate trust check {own}` "
            "says when it does."
        )

    def _result(self, pin: Pin, kids: list[str]) -> UseCaseResult:
        own, authority, out = own_entity(self.settings), self.request.authority, self.request.out
        if self.request.wait is not None:
            first = f"{authority} vouches for {own}."
        else:
            first = f"{authority} was asked to vouch for {own}." if out is None else f"The request is in {out}."
        return UseCaseResult(
            lines=[
                first,
                f"The trust anchor {pin.entity} is pinned in {self.settings.base_dir / self._pin_file(pin.entity)}.",
                "A running process reads that when it is started again: hearthgate serve",
            ],
            data={
                "entity_id": own,
                "authority": authority,
                "anchor": {"entity_id": pin.entity, "key_ids": thumbprints.kids_of(pin)},
                "vouched_for": self.request.wait is not None,
                "thumbprints": kids,
                "request": str(out) if out else None,
            },
        )


def _refuse_trust_anchor(settings: Settings) -> None:
    if isinstance(settings, AnchorSettings) and not settings.anchor.superiors:
        raise OperationRefused(
            "A trust anchor has no superior, and those who pinned it rely on that. To vouch under another "
            "authority, set up an intermediate: hearthgate trust anchor init DIR --superior URL"
        )


def _choose(lines: tuple[Line, ...], request: JoinRequest) -> Line:
    """Return the line to the anchor that was named, or to the only one. Raises :class:`OperationRefused`."""
    matching = [line for line in lines if request.anchor in {None, line.anchor.entity_id}]
    if len(matching) == 1:
        return matching[0]
    if not lines:
        raise OperationRefused(
            f"No trust anchor was reached above {request.authority}; ask its administrators who vouches for it."
        )
    names = ", ".join(line.anchor.entity_id for line in lines)
    raise OperationRefused(f"Say with --anchor which trust anchor to pin; above {request.authority} there are: {names}")


def _refuse_other_thumbprints(offer: AnchorOffer, typed: Sequence[str]) -> None:
    """Refuse a pin that was not compared, before its thumbprints are shown, so that they cannot be copied."""
    if not offer.pinned and not thumbprints.compare(typed, thumbprints.kids_of(offer.pin)):
        raise OperationRefused(
            f"What you typed is not what {offer.pin.entity} shows over the network. If it is what its administrators "
            "read out to you, another party answers at that address: nothing was pinned; tell them."
        )
