"""One good token, and ways to spoil it, for the tests of `trust.jose`."""

from tests.trust.makers import NOW_S, compact, header, key_set, signer
from trust import jose
from trust.keys import KeySet, KeyUse

TYP = "exchange-message+jwt"
MINE = signer(KeyUse.MESSAGE)
KEYS = key_set(MINE)
CLAIMS = {"iss": "https://council.example", "n": [1, {"é": None}], "iat": NOW_S}
GOOD = jose.sign(CLAIMS, typ=TYP, signer=MINE)


def opened(raw: bytes, *, keys: KeySet = KEYS, typ: str = TYP) -> jose.Opened:
    """Open a token as the one that these tests expect."""
    return jose.open_signed(raw, typ=typ, keys=keys)


def with_header(payload: object = CLAIMS, **changed: object) -> bytes:
    """Sign under the right header, changed; a parameter set to None is left out."""
    merged = header(MINE, TYP) | changed
    return compact({name: value for name, value in merged.items() if value is not None}, payload, MINE)
