"""The public register of agreements in force: a static page and the same as JSON.

It names agencies, purposes, laws and days, and the post of each signatory; it names no person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from gateway.agreements.rendering.document import Block, Bullets, Document, Heading, Paragraph
from trust import strict_json
from trust.agreements.agreement import Agreement, AgreementSignature
from trust.agreements.reading import cited_entries, in_words
from trust.strict_json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEntry:
    """An agreement in force with its verified signatures."""

    agreement: Agreement
    signatures: tuple[AgreementSignature, ...]


def register_page(entries: Sequence[RegisterEntry], *, agency: str, on: date) -> Document:
    """Return the page of ``agency`` as it stands on a day (UTC)."""
    blocks: list[Block] = [Paragraph(text=f"As of {in_words(on)}.")]
    for entry in entries:
        agreement = entry.agreement
        blocks += [
            Heading(text=agreement.title),
            Bullets(
                items=(
                    f"Agreement {agreement.id}, version {agreement.version}",
                    f"In force from {in_words(agreement.valid_from)} to {in_words(agreement.valid_until)}",
                    f"Reviewed by {in_words(agreement.review_date)}",
                    f"Digest of the signed document: {agreement.ref.digest}",
                )
            ),
            Heading(text="Parties", level=3),
            Bullets(items=tuple(_party_lines(entry))),
            Heading(text="Why data is shared", level=3),
            Bullets(items=tuple(purpose.description for purpose in agreement.purposes)),
            Heading(text="What is shared", level=3),
            Bullets(items=agreement.items),
            Heading(text="On which law", level=3),
            Bullets(items=tuple(f"{each.title} ({each.power})" for each in cited_entries(agreement))),
        ]
    if not entries:
        blocks.append(Paragraph(text="No agreement is in force."))
    return Document(title=f"Data-sharing agreements of {agency}", blocks=tuple(blocks))


def register_json(entries: Sequence[RegisterEntry], *, agency: str, on: date) -> bytes:
    """Return the same for machines."""
    return strict_json.dumps(
        {"agency": agency, "on": on.isoformat(), "agreements": [_entry_json(entry) for entry in entries]}
    )


def _party_lines(entry: RegisterEntry) -> list[str]:
    signed = {each.party: each for each in entry.signatures}
    lines = []
    for party in entry.agreement.parties:
        signature = signed.get(party.entity)
        by = f", signed by its {signature.signatory.post} on {in_words(_day(signature))}" if signature else ""
        lines.append(f"{party.name}{by}")
        if party.complaints:
            lines.append(f"To complain to {party.name}: {party.complaints}")
    return lines


def _entry_json(entry: RegisterEntry) -> JsonObject:
    agreement = entry.agreement
    signed = {each.party: each for each in entry.signatures}
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.ref.digest,
        "title": agreement.title,
        "valid_from": agreement.valid_from.isoformat(),
        "valid_until": agreement.valid_until.isoformat(),
        "review_date": agreement.review_date.isoformat(),
        "purposes": [{"code": each.code, "description": each.description} for each in agreement.purposes],
        "items": list(agreement.items),
        "law": [{"code": each.code, "title": each.title} for each in cited_entries(agreement)],
        "parties": [
            {
                "entity_id": party.entity,
                "name": party.name,
                "services": list(party.services),
                "complaints": party.complaints or None,
                "signed_on": _day(signed[party.entity]).isoformat() if party.entity in signed else None,
                "post": signed[party.entity].signatory.post if party.entity in signed else None,
            }
            for party in agreement.parties
        ],
    }


def _day(signature: AgreementSignature) -> date:
    return datetime.fromtimestamp(signature.signed_at, UTC).date()
