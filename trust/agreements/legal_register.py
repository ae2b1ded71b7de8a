"""The legal register: every basis, condition, power and duty an agreement may cite, as data.

It records the understanding of the drafters of this software. Each agency's counsel checks it; it is not advice.
``confirmed=False`` marks an entry whose effect or commencement counsel has yet to confirm. A change in the law is a new
entry with the same code and a later day; the older entry still explains disclosures made under it.
"""

from collections.abc import Iterable
from typing import Final

from trust.agreements.legal_entry import LegalEntry
from trust.agreements.legal_register_data_protection import CONFIDENTIALITY, DATA_PROTECTION, LIMITS
from trust.agreements.legal_register_devolved import NORTHERN_IRELAND, SCOTLAND, WALES
from trust.agreements.legal_register_england import ADULTS_AND_PLACES, CHILDREN
from trust.claims import digest
from trust.strict_json import dumps

REGISTER: tuple[LegalEntry, ...] = (
    *DATA_PROTECTION,
    *CHILDREN,
    *ADULTS_AND_PLACES,
    *WALES,
    *SCOTLAND,
    *NORTHERN_IRELAND,
    *LIMITS,
    *CONFIDENTIALITY,
)
"""Every entry; a code may occur again with a later date."""


def digest_of(entries: Iterable[LegalEntry]) -> str:
    """Return the digest of some entries, in which every fact of each counts and their order does not."""
    return digest(dumps(sorted((entry.to_json() for entry in entries), key=dumps)))


_DIGEST: Final = digest_of(REGISTER)


def register_digest() -> str:
    """Return the digest of the register of this software, which every decision records."""
    return _DIGEST
