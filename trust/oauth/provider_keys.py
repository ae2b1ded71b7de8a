"""Read the signing keys that an OpenID provider publishes (RFC 7517 section 5, OpenID Connect Core 1.0 section 10.1).

A provider names its keys as it likes and often leaves out what they are for. So an agency's configuration says which
one algorithm its provider signs with (RFC 8725 section 3.1: a key is for exactly one).

1. Of the published keys only those that fit the algorithm are taken. Encryption keys, other algorithms, keys without an
   id and weak ones are passed over; the refusal of a set with none left names the reasons.
2. The numbers of an RSA key may have leading zero bytes and padding, which RFC 7518 section 6.3.1 forbids and some
   providers write.
3. A secret among the keys, even in one that does not fit, ends the trust in all of them.
"""

from trust import base64url, claims, jwk
from trust.errors import ForbiddenAlgorithm, MalformedClaims, MalformedToken, TrustError
from trust.keys import Alg, KeySet, KeyUse, PublicKey
from trust.strict_json import JsonObject

MAX_BYTES = 65_536
"""Bytes of a published key set; certificates may stand beside the keys and are not read."""
MAX_LISTED = 64
MAX_KID = 128
ALGORITHMS = (Alg.RS256, Alg.PS256, Alg.ES256, Alg.ED25519)
_KTY = {Alg.RS256: "RSA", Alg.PS256: "RSA", Alg.ES256: "EC", Alg.ED25519: "OKP"}
_ALSO_NAMED = {Alg.ED25519: "EdDSA"}
"""What a key may be labelled with besides, from before RFC 9864; the tokens themselves must say `Ed25519`."""


def parse(jwks: JsonObject, alg: Alg) -> KeySet:
    """Return the keys with which the provider may sign by this one algorithm.

    Raise MalformedClaims where there is none, where two have one id, or where a private member stands in one;
    ForbiddenAlgorithm for an algorithm that no provider may have here.
    """
    if alg not in ALGORITHMS:
        raise ForbiddenAlgorithm("An OpenID provider may sign with RS256, PS256, ES256 or Ed25519.")
    listed = claims.require_list(jwks, "keys", min_items=1, max_items=MAX_LISTED)
    keys: list[PublicKey] = []
    reasons: set[str] = set()
    for item in listed:
        try:
            keys.append(_key(item, alg))
        except _PassedOver as reason:
            reasons.add(str(reason))
    if not keys:
        why = "; ".join(sorted(reasons))
        raise MalformedClaims(f"The provider publishes no signing key for {alg}. Keys were passed over: {why}.")
    return KeySet.of(KeyUse.SIGN_IN, keys)


class _PassedOver(Exception):
    """Leave out a key that does not fit; the text is the reason, in words of ours."""


def _key(unverified: object, alg: Alg) -> PublicKey:
    if type(unverified) is not dict:
        raise MalformedClaims("A key must be an object.")
    jwk.refuse_private(unverified)
    _check_fit(unverified, alg)
    try:
        members = jwk.key_members(_plain_numbers(unverified))
        key = jwk.load(members)
    except TrustError as refused:
        raise _PassedOver(refused.detail[0].lower() + refused.detail[1:].rstrip(".")) from refused
    kid = unverified["kid"]
    return PublicKey(kid=kid, alg=alg, use=KeyUse.SIGN_IN, jwk=members | {"kid": kid, "alg": alg.value}, key=key)


def _check_fit(unverified: JsonObject, alg: Alg) -> None:
    kid, operations = unverified.get("kid"), unverified.get("key_ops", ["verify"])
    if unverified.get("kty") != _KTY[alg]:
        raise _PassedOver("the type is that of another algorithm")
    if unverified.get("use") not in {None, "sig"} or not isinstance(operations, list) or "verify" not in operations:
        raise _PassedOver("the use is not to verify signatures")
    if unverified.get("alg", alg) not in {alg, _ALSO_NAMED.get(alg, alg)}:
        raise _PassedOver("the alg names another algorithm")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise _PassedOver(f"the kid is not a text of 1 to {MAX_KID} characters")


def _plain_numbers(unverified: JsonObject) -> JsonObject:
    """Return an RSA key's members with its numbers as RFC 7518 section 2 writes them."""
    written = {name: unverified[name] for name in ("n", "e") if isinstance(unverified.get(name), str)}
    return unverified | {name: _plain_number(text) for name, text in written.items()}


def _plain_number(text: str) -> str:
    try:
        octets = base64url.decode(text.rstrip("=").encode("ascii"), "number")
    except (UnicodeEncodeError, MalformedToken):
        return text  # refused where it is read
    return base64url.encode(octets.lstrip(b"\0")).decode("ascii")
