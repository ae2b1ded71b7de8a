"""What two descriptions of one person have in common, however else they are worded: what a person's budget is kept by.

The matcher tells of a record only where a description shares an identifier with it, or its birth date and, letter for
letter as the matcher reads them, a family name, the right way round or exchanged with the given names. So each of these
in a description has a bucket of its own, and a question is charged to all of them: another alias, given name, address
or accent finds the same buckets. Whoever words each question differently gets a whole budget for each identifier and
each name that the record holds, and not for each wording that finds it.

They are made of the question alone and never of what was found: a budget that a record used up would tell, under a
conditional clause, that there is one (assertion A42). Two people of one birthday and family name, as twins are, share
a bucket of one agency's. Kept are keyed digests.
"""

from collections.abc import Iterator

from adapters.matching.compare import IDENTIFIERS
from adapters.matching.normalise import name_tokens
from trust.claims import keyed_digest
from trust.exchange.person import Subject

_DOMAIN = "hearthgate person 1"


def person_keys(hmac_key: bytes, subject: Subject) -> tuple[str, ...]:
    """Return the keyed digests of all by which a record could be told from this description; none for a vague one."""
    shared = dict.fromkeys([*_identifiers(subject), *_names(subject)])
    return tuple(keyed_digest(hmac_key, "\0".join((_DOMAIN, *each)).encode()) for each in shared)  # none has a NUL


def _identifiers(subject: Subject) -> Iterator[tuple[str, str]]:
    for name in IDENTIFIERS:
        identifier = getattr(subject, name)
        if identifier:
            yield name, identifier


def _names(subject: Subject) -> Iterator[tuple[str, str]]:
    if subject.birth_date is None:
        return
    born = subject.birth_date.isoformat()
    aliases = [text for alias in subject.aliases for text in (alias.family_name, alias.given_names)]
    for text in (subject.family_name, subject.given_names, *aliases):
        words = name_tokens(text)
        if words:
            yield born, "".join(words)
