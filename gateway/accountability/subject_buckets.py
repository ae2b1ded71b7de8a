"""Keys that two descriptions of one person share, in any wording: a person's budget is kept by them.

The matcher tells of a record only where a description shares an identifier with it, or its birth date and, letter for
letter as the matcher reads them, a family name, the right way round or exchanged with the given names. So each of these
in a description has a bucket of its own, and a question is charged to all of them: another alias, given name, address
or accent finds the same buckets. A caller who words each question differently gets a whole budget for each identifier
and each name that the record holds, and not for each wording that finds it.

Those of budgets are made of the question alone and never of what was found: a budget that a record used up would tell,
under a conditional clause, that there is one (assertion A42). Two people of one birthday and family name, as twins are,
share a bucket of one agency's. The account of what was told has the same keys of the record that was found beside them,
so that each true identifier finds each question, whichever words found the record. Kept are keyed digests.
"""

from collections.abc import Iterable, Iterator

from trust.claims import keyed_digest
from trust.evidence.leaf import letters_of
from trust.exchange.person import Subject
from trust.exchange.person_identifiers import IDENTIFIERS, identifier_evidence
from trust.exchange.person_names import name_tokens
from trust.identifiers import ServiceRef
from trust.strict_json import dumps

_DOMAIN = "hearthgate person 1"
_EXACT = "hearthgate exact person 1"
_RECORD = "hearthgate record 1"


def person_keys(hmac_key: bytes, subject: Subject) -> tuple[str, ...]:
    """Return the keyed digests of all by which a record could be told from this description; none for a vague one."""
    shared = dict.fromkeys([*_identifiers(subject), *_names(subject)])
    return tuple(keyed_digest(hmac_key, "\0".join((_DOMAIN, *each)).encode()) for each in shared)  # none has a NUL


def exact_keys(hmac_key: bytes, subject: Subject) -> tuple[str, ...]:
    """Return the keyed digests of each identifier, and of birth date, family name and given names together."""
    return _exact(hmac_key, (*_identifiers(subject), *_full_name(subject)))


def strongest_keys(hmac_key: bytes, subject: Subject) -> tuple[str, ...]:
    """Return those of :func:`exact_keys` by which no namesake is found: of the identifiers, if there is one."""
    return _exact(hmac_key, tuple(_identifiers(subject)) or tuple(_full_name(subject)))


def record_key(hmac_key: bytes, service: ServiceRef, ref: str) -> str:
    """Return the keyed digest of one record of a service's own case system."""
    return keyed_digest(hmac_key, dumps([_RECORD, str(service), ref]))


def _exact(hmac_key: bytes, parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(keyed_digest(hmac_key, "\0".join((_EXACT, *each)).encode()) for each in parts)


def _identifiers(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield the identifiers that are evidence, as they are compared: a record may hold them as they were typed."""
    for name in IDENTIFIERS:
        text = getattr(subject, name)
        identifier = identifier_evidence(name, text) if text else None
        if identifier:
            yield name, identifier


def _full_name(subject: Subject) -> Iterator[tuple[str, ...]]:
    family, first = (letters_of("".join(name_tokens(text))) for text in (subject.family_name, subject.given_names))
    if subject.birth_date is not None and family and first:
        yield subject.birth_date.isoformat(), family, first


def _names(subject: Subject) -> Iterator[tuple[str, str]]:
    if subject.birth_date is None:
        return
    born = subject.birth_date.isoformat()
    aliases = [text for alias in subject.aliases for text in (alias.family_name, alias.given_names)]
    for text in (subject.family_name, subject.given_names, *aliases):
        letters = letters_of("".join(name_tokens(text)))
        if letters:
            yield born, letters
