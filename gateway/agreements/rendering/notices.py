"""Notices for the public: the privacy notice (UK GDPR Articles 13 and 14) and the leaflet, in English and Welsh.

The frame is translated; the agreement's own words stay in the language in which its parties signed them.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from gateway.agreements.rendering.document import Block, Bullets, Document, Gap, Heading, Language, Paragraph
from trust.agreements.agreement import Agreement
from trust.agreements.lawful_basis import LegalEntry
from trust.agreements.reading import cited_entries, in_words

Phrase = Callable[..., str]


@cache
def load_phrases(language: Language) -> Mapping[str, Any]:
    """Return the phrases of a language, from ``phrases/`` beside this module."""
    return tomllib.loads(files(__package__).joinpath("phrases", f"{language}.toml").read_text(encoding="utf-8"))


def privacy_notice(agreement: Agreement, language: Language) -> Document:
    """Return the privacy notice, with gaps for what the agreement does not state."""
    phrases = load_phrases(language)["notice"]

    def say(name: str, **values: object) -> str:
        return str(phrases[name]).format(**values)

    blocks = (
        *_sharing(agreement, say, language),
        *_keeping(agreement, say),
        *_standing(agreement, say, phrases["rights_list"]),
    )
    version = say("version", version=agreement.version, **_days(agreement, language))
    return _document(say("title", title=agreement.title), (*blocks, Paragraph(text=version)), language)


def _sharing(agreement: Agreement, say: Phrase, language: Language) -> tuple[Block, ...]:
    """Return who shares what, why, on which law, and where a person is asked first."""
    services = tuple(say("services", party=each.name, services=", ".join(each.services)) for each in agreement.parties)
    return (
        Paragraph(text=say("intro")),
        Heading(text=say("who")),
        Bullets(items=services),
        Gap(text=say("contact_gap")),
        Heading(text=say("why")),
        Bullets(items=tuple(purpose.description for purpose in agreement.purposes)),
        Heading(text=say("what")),
        Bullets(items=agreement.items),
        Paragraph(text=say("source")),
        Heading(text=say("law")),
        Bullets(items=tuple(_law(entry, language) for entry in cited_entries(agreement))),
        *_optional(say("law_language")),
        Heading(text=say("consent")),
        Paragraph(text=say("consent_some" if _rests_on_consent(agreement) else "consent_none")),
        *_agreed(say("consent_words"), agreement.consent_text),
    )


def _keeping(agreement: Agreement, say: Phrase) -> tuple[Block, ...]:
    days = max((clause.keep_days for clause in agreement.clauses), default=0)
    return (
        Heading(text=say("keep")),
        Paragraph(text=say("keep_days", days=days)),
        *_agreed(say("keep_words"), agreement.retention),
        Heading(text=say("safe")),
        *_optional(agreement.security),
        Gap(text=say("abroad_gap")),
    )


def _standing(agreement: Agreement, say: Phrase, rights: Iterable[str]) -> tuple[Block, ...]:
    """Return the person's rights, and how to complain."""
    return (
        Heading(text=say("rights")),
        Bullets(items=tuple(rights)),
        *_agreed(say("rights_words"), agreement.rights),
        Paragraph(text=say("decisions")),
        Heading(text=say("complain")),
        *_complaints(agreement, say),
        Paragraph(text=say("regulator")),
    )


def leaflet(agreement: Agreement, language: Language) -> Document:
    """Return the leaflet in plain language."""
    say = load_phrases(language)["leaflet"]
    choice = ["choice_none"]
    if _rests_on_consent(agreement):
        choice = ["choice_some"]
        if not all(clause.consent_roles for clause in agreement.clauses):
            choice.append("choice_law")
    blocks: list[Block] = [
        Heading(text=say["who"]),
        Bullets(items=tuple(party.name for party in agreement.parties)),
        Heading(text=say["why"]),
        Bullets(items=tuple(purpose.description for purpose in agreement.purposes)),
        Heading(text=say["what"]),
        Bullets(items=agreement.items),
        Paragraph(text=say["what_only"]),
        Heading(text=say["choice"]),
        *(Paragraph(text=say[name]) for name in choice),
        Heading(text=say["see"]),
        Paragraph(text=say["see_text"]),
        Heading(text=say["unhappy"]),
        Paragraph(text=say["unhappy_text"]),
        Heading(text=say["danger"]),
        Paragraph(text=say["more"]),
    ]
    return _document(say["title"], blocks, language)


def _document(title: str, blocks: Iterable[Block], language: Language) -> Document:
    phrases = load_phrases(language)
    notes = (phrases["unreviewed"],) if phrases["unreviewed"] else ()
    return Document(title=title, blocks=tuple(blocks), notes=notes, language=language, gap_label=phrases["gap_label"])


def _rests_on_consent(agreement: Agreement) -> bool:
    return any(clause.consent_roles for clause in agreement.clauses)


def _law(entry: LegalEntry, language: Language) -> str:
    return entry.title if language is Language.WELSH else f"{entry.title}: {entry.power}"


def _days(agreement: Agreement, language: Language) -> dict[str, str]:
    """Return the first and the last day, in words in English and as numbers in Welsh."""
    ends = {"start": agreement.valid_from, "end": agreement.valid_until}
    if language is Language.WELSH:
        return {name: f"{day:%d/%m/%Y}" for name, day in ends.items()}
    return {name: in_words(day) for name, day in ends.items()}


def _optional(text: str) -> tuple[Block, ...]:
    return (Paragraph(text=text),) if text else ()


def _agreed(frame: str, words: str) -> tuple[Block, ...]:
    return (Paragraph(text=frame), Bullets(items=(words,))) if words else ()


def _complaints(agreement: Agreement, say: Phrase) -> list[Block]:
    routes = tuple(
        say("complain_to", party=each.name, route=each.complaints) for each in agreement.parties if each.complaints
    )
    blocks: list[Block] = [Bullets(items=routes)] if routes else []
    blocks += [Gap(text=say("complain_gap", party=each.name)) for each in agreement.parties if not each.complaints]
    return blocks
