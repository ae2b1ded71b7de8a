"""Remember which access tokens had a good signature, and nothing else about them.

A hit saves one signature check. It says only that these exact bytes, which this process verified before, carry these
claims; that their key still counts and the times are checked again on every call, and the caller's standing by the
protector (WIRE.md section 2).
"""

from collections import OrderedDict
from datetime import datetime
from hashlib import sha256
from threading import Lock

from gateway.oauth.issued import IssuedTokens
from trust.claims import LEEWAY_AHEAD
from trust.errors import Expired, NotYetValid
from trust.oauth.access_token import AccessToken

MAX_REMEMBERED = 4_096
"""Tokens remembered in one process: 1,000 peers with a few agreements each. The oldest goes first."""


class GoodSignatures:
    """Verify the tokens of one face. Safe for many threads, and right after a fork.

    What was remembered under another set of keys than the one that counts now is verified again.
    """

    def __init__(self, tokens: IssuedTokens) -> None:
        self._tokens = tokens
        self._verified: OrderedDict[bytes, tuple[frozenset[str], AccessToken]] = OrderedDict()
        self._lock = Lock()

    def verify(self, unverified_token: bytes, *, now: datetime) -> AccessToken:
        """Return the token's claims once everything that its own bytes can prove is proved.

        Raises :class:`trust.errors.TrustError`. Not checked: proof of possession, and the caller's standing.
        """
        fingerprint, keys = sha256(unverified_token).digest(), self._tokens.keys()
        with self._lock:
            remembered = self._verified.get(fingerprint)
        if remembered is not None and remembered[0] == keys.kids:
            return _still_timely(remembered[1], now)
        token = self._tokens.verify(unverified_token, keys=keys, now=now)
        with self._lock:
            self._verified[fingerprint] = keys.kids, token
            while len(self._verified) > MAX_REMEMBERED:
                self._verified.popitem(last=False)
        return token


def _still_timely(token: AccessToken, now: datetime) -> AccessToken:
    if token.exp <= now:
        raise Expired("The access token has expired; ask for a fresh one.")
    if token.iat > now + LEEWAY_AHEAD:
        raise NotYetValid("The access token lies in the future; check the clocks of both machines.")
    return token
