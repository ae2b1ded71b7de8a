"""The period for which an agreement's text on retention lets answers be kept, as far as the text is clear.

The words are prose, and a reading only leads to a question for the signatory, so every doubt counts as one:

1. every period of the text counts, also one that is about something else;
2. a period is the one of the answers only where what is named nearest before it is an answer, a response, information
   or data, and neither a log nor a record of the questions;
3. words that may mean a shorter time ("until", "not kept", "the same day"), and a sentence about answers that has no
   period, leave the text unclear.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trust.agreements.durations import Periods, find_periods, words_of

_SENTENCE: Final = re.compile(r"[.;!?](?![0-9])")
_GAP: Final = re.compile(r"[\s\u2010-\u2015-]+")
_ANSWERS: Final = frozenset(
    words_of(
        "answer answers response responses reply replies information data result results content contents material "
        "details disclosure disclosures everything anything received receives shared told disclosed obtained supplied"
    )
)
_ACCOUNTS: Final = frozenset(
    words_of(
        "log logs logged audit audits trail trails journal journals metadata who whom why asked record records "
        "evidence account accounts history statistical statistics anonymous anonymised aggregated technical staff"
    )
)
_QUALIFIES: Final = 3
"""Words around a noun that may say what it is of: "audit data", "a record of all answers", "data on the use"."""
_ABOUT: Final = frozenset({"about", "concerning", "of", "on", "regarding"})
_QUESTIONS: Final = frozenset(
    words_of("question questions request requests query queries enquiry enquiries search searches lookups use who")
)
_PRONOUNS: Final = frozenset({"it", "they", "them", "these", "those", "this"})
_KEEPING: Final = re.compile(
    r"\b(?:keep|kept|hold|held|retain|retention|stor(?:e|ing)|sav(?:e|ing)|delet|eras|destr|remov|dispos|purg"
    r"|wip(?:e|ing)|shred|discard)"
)
_MAY_BE_SHORTER: Final = re.compile(
    r"\b(?:immediate|instant|forthwith|at once|straight ?away|right away|as soon|soon|prompt|shortly|on receipt|delay"
    r"|earl|shorter|less|until|till|unless|when|once|while|as long as|end of|necessary|needed|required|respectively"
    r"|few|several|some|hourly|daily|nightly|overnight|tonight|midnight|today|tomorrow|weekly|monthly|quarterly|yearly"
    r"|annual)"
)
_NO: Final = re.compile(r"\b(?:not|never|no|nothing|none|neither)\b")
_NO_LONGER: Final = re.compile(
    r"\b(?:not|never|no)\b(?: [a-z]+){0,4}? ?\b(?:longer|more|later|beyond|over|past|exceed|after)"
)
_BY_CLAUSE: Final = re.compile(
    r"\b(?:as long )?(?:the )?(?:number of )?(?:(?:days|period|time) )?(?:than|as|that) (?:its|the|each|every|their) "
    r"clause (?:says|states|sets|allows|permits|gives|names)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRetention:
    """The ``shortest`` period in days, and whether the text is ``clear`` about how long answers are kept.

    ``shortest`` is ``None`` where no period was read. A text that leaves it to the clauses is clear.
    """

    shortest: int | None
    clear: bool


def read_retention(text: str) -> StatedRetention:
    """Read what is said about how long answers are kept, such as "90 days" or "one hundred and eighty days"."""
    sentences = [_read_sentence(sentence) for sentence in _SENTENCE.split(_GAP.sub(" ", text.lower()))]
    days = [period.days for sentence in sentences for period in sentence.periods.found]
    clear = any(sentence.states for sentence in sentences) and not any(sentence.unclear for sentence in sentences)
    return StatedRetention(shortest=min(days, default=None), clear=clear)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    """What one sentence says. ``states``: how long answers are kept. ``unclear``: it may mean a time not read."""

    periods: Periods
    states: bool
    unclear: bool


def _read_sentence(whole: str) -> _Sentence:
    text = _BY_CLAUSE.sub("", whole)
    words = words_of(text)
    periods = find_periods(words)
    by_clause = text != whole and not periods.found
    return _Sentence(
        periods=periods,
        states=by_clause or any(_is_about_answers(words, period.place) for period in periods.found),
        unclear=_may_mean_less(text, words, periods, by_clause=by_clause),
    )


def _may_mean_less(text: str, words: Sequence[str], periods: Periods, *, by_clause: bool) -> bool:
    """Say whether a sentence may mean a time that was not read; one about accounts alone never does."""
    named = {kind for place, _ in enumerate(words) if (kind := _names_answers(words, place)) is not None}
    if named == {False} and _PRONOUNS.isdisjoint(words):
        return False
    if not periods.complete or _MAY_BE_SHORTER.search(text) or _NO.search(_NO_LONGER.sub("", text)):
        return True
    about_keeping = bool(named) or _KEEPING.search(text) is not None
    return about_keeping and not periods.found and not by_clause


def _names_answers(words: Sequence[str], place: int) -> bool | None:
    """Say whether a word names answers (True) or accounts of questions (False, also for "audit data")."""
    if words[place] in _ACCOUNTS:
        return False
    if words[place] not in _ANSWERS:
        return None
    before, after = words[max(0, place - _QUALIFIES) : place], words[place + 2 : place + 2 + _QUALIFIES]
    about_questions = not _ABOUT.isdisjoint(words[place + 1 : place + 2]) and not _QUESTIONS.isdisjoint(after)
    return _ACCOUNTS.isdisjoint(before) and not about_questions


def _is_about_answers(words: Sequence[str], place: int) -> bool:
    """Say whether what is named nearest before a period, else nearest after it, is answers."""
    kinds = (_names_answers(words, there) for there in (*range(place - 1, -1, -1), *range(place, len(words))))
    return next((kind for kind in kinds if kind is not None), False)
