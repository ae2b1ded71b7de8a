"""Read the signing keys that an OpenID provider publishes (RFC 7517 section 5, OpenID Connect Core 1.0 section 10.1).

A provider names its keys as it likes and often leaves out what they are for. So an agency's configuration says which
one algorithm its provider signs with (RFC 8725 section 3.1: a key is for exactly one), and of what is published only
the keys that fit it are taken; encryption keys, other algorithms, keys without an id and weak ones are passed over. A
secret among them, even one that does not fit, ends the trust in all: whoever publishes that guards nothing.
"""

from trust import claims, jwk
from trust.errors import ForbiddenAlgorithm, MalformedClaims, TrustError
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
    keys = [key for item in listed if (key := _key(item, alg)) is not None]
    if not keys:
        raise MalformedClaims(f"The provider publishes no signing key for {alg}; is another algorithm configured?")
    return KeySet.of(KeyUse.SIGN_IN, keys)


def _key(unverified: object, alg: Alg) -> PublicKey | None:
    if type(unverified) is not dict:
        raise MalformedClaims("A key must be an object.")
    jwk.refuse_private(unverified)
    if not _fits(unverified, alg):
        return None
    try:
        members = jwk.key_members(unverified)
        key = jwk.load(members)
    except TrustError:
        return None  # another curve, a size that is not taken, or a weak key
    kid = unverified["kid"]
    return PublicKey(kid=kid, alg=alg, use=KeyUse.SIGN_IN, jwk=members | {"kid": kid, "alg": alg.value}, key=key)


def _fits(unverified: JsonObject, alg: Alg) -> bool:
    kid, operations = unverified.get("kid"), unverified.get("key_ops", ["verify"])
    return (
        unverified.get("kty") == _KTY[alg]
        and unverified.get("use", "sig") == "sig"
        and unverified.get("alg", alg) in {alg, _ALSO_NAMED.get(alg, alg)}
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(kid, str)
        and 0 < len(kid) <= MAX_KID
    )
