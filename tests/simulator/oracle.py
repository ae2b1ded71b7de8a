"""The truth of a simulated federation: each statement that was really signed, its signer and keys, and its conclusions.

Independent of the code under test: it keeps plain records, and looks for a line of them that explains a result. A thief
with a stolen key signs like its owner; a forger, whose key has no superior, signs nothing that counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.simulator.town import ANCHOR
from trust.base64url import decode
from trust.federation.chain import TrustedEntity
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.strict_json import JsonObject, loads

Link = tuple[EntityId, EntityId]
AHEAD = timedelta(seconds=10)
NEW = timedelta(minutes=15)
KNOWN = timedelta(hours=24)
URGENT = timedelta(hours=120)
ELSEWHERE = timedelta(minutes=6)
"""How old what a worker holds may be though another one has seen that it is over: a refresh, and a failed attempt."""
AGAIN = timedelta(seconds=46)
"""How long a worker that failed goes on before it looks into the store again."""
CONFIGURED_APART = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A statement: who signed it with which key, when, and which keys it names."""

    issued_at: datetime
    by: str
    names: frozenset[str]
    message_kids: frozenset[str] = frozenset()


def parts(raw: bytes) -> tuple[JsonObject, JsonObject]:
    """Read a token's header and claims, without verifying anything."""
    header, payload, _ = raw.split(b".")
    return tuple(loads(decode(part, "part"), max_bytes=65_536) for part in (header, payload))  # type: ignore[return-value]


@dataclass(slots=True)
class Truth:
    """What was signed since the beginning, and what authorities have really ruled."""

    signed: dict[Link, list[Signed]] = field(default_factory=dict)
    said: dict[Link, list[bytes]] = field(default_factory=dict)
    anchor_sets: list[frozenset[str]] = field(default_factory=list)

    def note(self, raw: bytes) -> bytes:
        """Note a statement that a real key signed, and return it."""
        header, body = parts(raw)
        node = body.get("metadata", {}).get("information_exchange_node", {})
        made = Signed(
            issued_at=datetime.fromtimestamp(body["iat"], UTC),
            by=header["kid"],
            names=frozenset(key["kid"] for key in body["jwks"]["keys"]),
            message_kids=frozenset(key["kid"] for key in node.get("message_jwks", {}).get("keys", [])),
        )
        link = (EntityId(body["iss"]), EntityId(body["sub"]))
        self.signed.setdefault(link, []).append(made)
        self.said.setdefault(link, []).append(raw)
        return raw

    def explains(self, found: TrustedEntity, anchor_kids: Iterable[str]) -> bool:
        """Say whether a line of real statements leads from the anchor to this entity with exactly these keys."""
        line = (found.entity_id, *found.superiors)
        links = [(line[place + 1], line[place]) for place in range(len(line) - 1)]
        if found.superiors[-1] != ANCHOR or list(found.issued_at_by) != links:
            return False
        names = [frozenset(anchor_kids)]
        for link in reversed(links):
            at = found.issued_at_by[link]
            real = [each for each in self.signed.get(link, ()) if each.issued_at == at]
            names = [each.names for each in real for above in names if each.by in above]
        return found.federation_keys.kids in names and bool(self.configured(found))

    def configured(self, found: TrustedEntity) -> list[datetime]:
        """Return when the entity really said, with a key that is vouched for, that it has these message keys."""
        kids = found.node.message_keys.kids if found.node is not None else frozenset()
        own = self.signed.get((found.entity_id, found.entity_id), ())
        return [each.issued_at for each in own if each.by in found.federation_keys.kids and each.message_kids == kids]


@dataclass(slots=True)
class Seen:
    """The highest state that one worker, or the store, has seen, and when: what may never be undone."""

    issued: dict[Link, tuple[datetime, datetime]] = field(default_factory=dict)
    configured: dict[EntityId, datetime] = field(default_factory=dict)
    denied: dict[EntityId, datetime] = field(default_factory=dict)
    known: set[EntityId] = field(default_factory=set)
    seqs: dict[EntityId, int] = field(default_factory=dict)
    highest_seqs: dict[EntityId, int] = field(default_factory=dict)
    anchor_set: int = 0

    def copy(self) -> "Seen":
        """Return what a copy of the store knows."""
        return Seen(
            issued=dict(self.issued),
            configured=dict(self.configured),
            denied=dict(self.denied),
            known=set(self.known),
            seqs=dict(self.seqs),
            highest_seqs=dict(self.highest_seqs),
            anchor_set=self.anchor_set,
        )

    def note_logs(self, seqs: Mapping[EntityId, int], anchor_set: int) -> None:
        """Refuse a log that became shorter, except if the anchor's keys were replaced and it is fetched again."""
        renewed = {ANCHOR} if anchor_set > self.anchor_set else set()
        assert anchor_set >= self.anchor_set
        assert all(seq <= seqs.get(issuer, 0) for issuer, seq in self.seqs.items() if issuer not in renewed)
        self.seqs, self.anchor_set = dict(seqs), anchor_set
        self.hold(seqs)

    def hold(self, seqs: Mapping[EntityId, int]) -> dict[EntityId, int]:
        """Note how far the logs go that are held now, and return how far they ever went."""
        for issuer, seq in seqs.items():
            self.highest_seqs[issuer] = max(seq, self.highest_seqs.get(issuer, 0))
        return self.highest_seqs

    def check(self, found: TrustedEntity, truth: Truth, now: datetime, *, here: bool) -> None:
        """Refuse what is older than something seen ``here``, or elsewhere some minutes ago.

        Who goes on with a chain that is held need not have a newer one of those above it.
        """
        own = (found.superiors[0], found.entity_id)
        floor = self.issued.get(own)
        goes_on = floor is not None and found.issued_at_by[own] == floor[0]
        for link, at in found.issued_at_by.items():
            lately = (link != own or not here) and now - at < ELSEWHERE
            seen = self.issued.get(link)
            if seen is not None and not (lately or (goes_on and link != own) or (not here and now - seen[1] < AGAIN)):
                assert at >= seen[0], ("rolled back", link, at, seen)
            denied = self.denied.get(link[1])
            if denied is not None and not (lately or ((link != own or not here) and now - denied < AGAIN)):
                assert at >= denied.replace(microsecond=0), ("denied", link, at, denied)
        said = self.configured.get(found.entity_id)
        newest = max(at for at in truth.configured(found) if at <= now + AHEAD)
        assert said is None or newest >= said - CONFIGURED_APART, ("configuration rolled back", newest, said)

    def raise_to(self, found: TrustedEntity, truth: Truth, now: datetime) -> None:
        """Take over what a result shows to have been seen."""
        for link, at in found.issued_at_by.items():
            if link not in self.issued or self.issued[link][0] < at:
                self.issued[link] = (at, now)
        first = min(truth.configured(found))
        self.configured[found.entity_id] = max(first, self.configured.get(found.entity_id, first))


def too_old(found: TrustedEntity, now: datetime, *, known: bool, urgent: bool) -> bool:
    """Say whether the oldest of the superiors' statements is older than the profile's section 6 lets it be."""
    oldest = min(found.issued_at_by.values())
    bound = (URGENT if urgent else KNOWN) if known else NEW
    return now - oldest >= bound or any(at > now + AHEAD for at in found.issued_at_by.values())


def ruled_out(
    line: Sequence[EntityId],
    logs: Mapping[EntityId, list[tuple[EntityId, SuspensionState]]],
    seqs: Mapping[EntityId, int],
) -> bool:
    """Say whether anybody of a line was suspended by anybody above it, as far as the logs are held."""
    for place, subject in enumerate(line):
        for issuer in line[place + 1 :]:
            latest = dict(logs[issuer][: seqs.get(issuer, 0)])
            if latest.get(subject, SuspensionState.ACTIVE) is not SuspensionState.ACTIVE:
                return True
    return False
