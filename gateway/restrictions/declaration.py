"""Declaration of a restricted place: its persons, what must not be told, and who is linked to a perpetrator."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.accountability.subject_buckets import person_keys
from gateway.keys.sealed import open_own
from trust import strict_json
from trust.agreements.restricted_text import RestrictedValues
from trust.exchange.person import Subject, parse_subject, subject_to_json
from trust.identifiers import ServiceRef
from trust.sealing import seal
from trust.strict_json import JsonObject

MAX_SEALED = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceActor:
    """The person who declared, released or lifted, as their own agency knows them. ``name`` never leaves the node."""

    name: str = field(repr=False)
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceReview:
    """A person's finding that a place stays restricted."""

    by: PlaceActor
    reason: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDeclaration:
    """What was declared. ``persons`` live together; the place is kept from the ``perpetrators``.

    ``linked`` are services in full or whole agencies. ``texts`` and ``telephones`` must not stand in any text.
    """

    persons: tuple[Subject, ...]
    by: PlaceActor
    reason: str
    case_ref: str
    linked: frozenset[str] = frozenset()
    perpetrators: tuple[Subject, ...] = ()
    texts: tuple[str, ...] = field(default=(), repr=False)
    telephones: tuple[str, ...] = field(default=(), repr=False)
    reviews: tuple[PlaceReview, ...] = ()

    @property
    def has_links(self) -> bool:
        """Whether anything was declared from which a linked recipient can be told."""
        return bool(self.linked or self.perpetrators)

    @property
    def values(self) -> RestrictedValues:
        """The values that must not stand in any text: those declared, and the persons' addresses."""
        texts = (*self.texts, *(text for person in self.persons for text in address_texts(person)))
        return RestrictedValues.of(texts=texts, telephones=self.telephones)

    def is_linked(self, recipient: ServiceRef) -> bool:
        """Say whether a recipient, or its whole agency, was declared to be linked."""
        return not self.linked.isdisjoint({str(recipient), str(recipient.entity)})

    def keys(self, hmac_key: bytes) -> tuple[str, ...]:
        """Return the keyed digests by which the persons are found."""
        return tuple(dict.fromkeys(key for person in self.persons for key in person_keys(hmac_key, person)))

    def perpetrator_keys(self, hmac_key: bytes) -> tuple[str, ...]:
        """Return the keyed digests by which the alleged perpetrators are found in the evidence."""
        return tuple(dict.fromkeys(key for person in self.perpetrators for key in person_keys(hmac_key, person)))


def address_texts(person: Subject) -> Iterator[str]:
    """Yield the parts of a person's address."""
    address = person.address
    if address is not None:
        yield from (text for text in (address.postcode, address.uprn) if text)


def seal_declaration(key: bytes, restriction: str, declaration: PlaceDeclaration) -> bytes:
    """Seal a declaration for its own row."""
    record: JsonObject = {
        "persons": [subject_to_json(person) for person in declaration.persons],
        "by": actor_to_json(declaration.by),
        "reason": declaration.reason,
        "case_ref": declaration.case_ref,
        "linked": sorted(declaration.linked),
        "perpetrators": [subject_to_json(person) for person in declaration.perpetrators],
        "texts": list(declaration.texts),
        "telephones": list(declaration.telephones),
        "reviews": [
            {"by": actor_to_json(each.by), "reason": each.reason, "at": each.at} for each in declaration.reviews
        ],
    }
    return seal(key, strict_json.dumps(record), _place(restriction))


def open_declaration(key: bytes, restriction: str, sealed: bytes) -> PlaceDeclaration:
    """Open it again. Raises :class:`gateway.keys.sealed.SealBroken`."""
    record = strict_json.loads(open_own(key, sealed, _place(restriction)), max_bytes=MAX_SEALED)
    return PlaceDeclaration(
        persons=tuple(map(parse_subject, record["persons"])),
        by=PlaceActor(**record["by"]),
        reason=record["reason"],
        case_ref=record["case_ref"],
        linked=frozenset(record["linked"]),
        perpetrators=tuple(map(parse_subject, record["perpetrators"])),
        texts=tuple(record["texts"]),
        telephones=tuple(record["telephones"]),
        reviews=tuple(
            PlaceReview(by=PlaceActor(**each["by"]), reason=each["reason"], at=each["at"])
            for each in record.get("reviews", ())
        ),
    )


def actor_to_json(actor: PlaceActor) -> JsonObject:
    """Return an actor as sealed records have it."""
    return {"name": actor.name, "role": actor.role}


def seal_record(key: bytes, item: str, part: str, record: JsonObject) -> bytes:
    """Seal what else rests with a restriction or a release; ``part`` names it."""
    return seal(key, strict_json.dumps(record), f"place {item} {part}".encode())


def open_record(key: bytes, item: str, part: str, *, sealed: bytes) -> JsonObject:
    """Open it again. Raises :class:`gateway.keys.sealed.SealBroken`."""
    return strict_json.loads(open_own(key, sealed, f"place {item} {part}".encode()), max_bytes=MAX_SEALED)


def _place(restriction: str) -> bytes:
    return f"place restriction {restriction}".encode()
