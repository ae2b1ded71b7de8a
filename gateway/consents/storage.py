"""Consents at rest: sealed, each bound to its own row, and whether two descriptions are of one person."""

from dataclasses import dataclass, fields

from adapters.contract import Candidate
from adapters.matching import decide as matching
from gateway.keys.sealed import open_own
from gateway.ports import KeyVault
from trust import strict_json, typed_json
from trust.claims import keyed_digest
from trust.consents.record import Consent
from trust.exchange.person import Subject
from trust.exchange.person_identifiers import IDENTIFIERS
from trust.sealing import seal
from trust.strict_json import JsonObject

MAX_SEALED = 65_536
_WORKER = "worker"
_CASE = "case_ref"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The worker who recorded a consent, or who has a task: named, so that someone in particular does it."""

    id: str
    client: str | None
    role: str
    org_unit: str
    call_back: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConsent:
    """A consent with the worker who recorded it, and the agency's own reference for the case."""

    consent: Consent
    worker: Worker
    case_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentSeal:
    """Seal and open consents, and make the keyed names that the store finds them by."""

    vault: KeyVault

    def seal(self, stored: StoredConsent) -> bytes:
        """Seal a consent for its row."""
        return self.seal_json(stored.consent.id, "consent", typed_json.encode(stored))

    def open(self, consent: str, sealed: bytes) -> StoredConsent:
        """Open a consent of this id. Raises :class:`gateway.keys.sealed.SealBroken`."""
        return typed_json.decode(StoredConsent, self.open_json(consent, "consent", sealed))

    def seal_json(self, consent: str, part: str, content: JsonObject) -> bytes:
        """Seal something about a consent."""
        return seal(self.vault.seal_key(), strict_json.dumps(content), _place(consent, part))

    def open_json(self, consent: str, part: str, sealed: bytes) -> JsonObject:
        """Open it again. Raises :class:`gateway.keys.sealed.SealBroken`."""
        return strict_json.loads(open_own(self.vault.seal_key(), sealed, _place(consent, part)), max_bytes=MAX_SEALED)

    def key(self, issuer: str, reference: str) -> str:
        """Return the keyed name of a consent as one agency's messages refer to it."""
        return self.digest("consent reference", issuer, reference)

    def digest(self, *parts: str) -> str:
        """Return a keyed digest of texts that may hold anything."""
        return keyed_digest(self.vault.evidence_hmac_key(), strict_json.dumps(["hearthgate consent 1", *parts]))


def is_same_person(one: Subject, other: Subject) -> bool:
    """Say whether two descriptions are surely of one person: enough agrees, and nothing differs."""
    shared = [
        each.name
        for each in fields(Subject)
        if each.name in _COMPARED and getattr(one, each.name) and getattr(other, each.name)
    ]
    if any(_folded(getattr(one, name)) != _folded(getattr(other, name)) for name in shared):
        return _match(one, other) is matching.MatchResult.UNIQUE
    return bool(_IDENTIFIERS.intersection(shared)) or _NAMED.issubset(shared)


def may_be_same_person(one: Subject, other: Subject) -> bool:
    """Say whether two descriptions may be of one person; a doubt counts."""
    return is_same_person(one, other) or _match(one, other) is not matching.MatchResult.NONE


_IDENTIFIERS = frozenset(IDENTIFIERS)
_NAMED = frozenset({"family_name", "given_names", "birth_date"})
_COMPARED = _IDENTIFIERS | _NAMED


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def _match(one: Subject, other: Subject) -> matching.MatchResult:
    return matching.match(one, [Candidate(ref="1", person=other)]).outcome


def _place(consent: str, part: str) -> bytes:
    return f"consent {consent} {part}".encode()
