#!/bin/sh
# Guess: a key whose "alg" is "Ed25519" (RFC 9864, which deprecates "EdDSA") verifies tokens that say so, or its library says
#   that it does not know the name.
# What is: PyJWT leaves the key out of its set without a word. Where it was the only key, the error asks whether the
#   cryptography package is missing, which is installed. Without "alg" the key is read, and tokens signed with it under
#   the name "Ed25519" are refused all the same.
# Version: PyJWT 2.15.1, cryptography 50.0.2
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: who publishes keys for unknown readers should publish an ECDSA or RSA key beside an Ed25519 one, or label the
#   key "EdDSA" and sign with that name as long as PyJWT is among the readers.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
a set of an Ed25519 and an ES256 key, labelled: read ['ES256']
the Ed25519 key alone: PyJWKSetError: The JWK Set did not contain any usable keys. Perhaps 'cryptography' is not installed?
the same key labelled EdDSA: read ['EdDSA']
the same key without a label, token says Ed25519: InvalidAlgorithmError
TEXT
python_packages PyJWT==2.15.1 cryptography==50.0.2
python_prints <<'PY'
import json

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

private = ed25519.Ed25519PrivateKey.generate()
ed = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(private.public_key()))
es = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))


def names(*keys):
    return "read " + str([key.algorithm_name for key in jwt.PyJWKSet(list(keys)).keys])


print("a set of an Ed25519 and an ES256 key, labelled:", names({**ed, "alg": "Ed25519"}, {**es, "alg": "ES256"}))
try:
    print("the Ed25519 key alone:", names({**ed, "alg": "Ed25519"}))
except jwt.PyJWTError as error:
    print(f"the Ed25519 key alone: {type(error).__name__}: {error}")
print("the same key labelled EdDSA:", names({**ed, "alg": "EdDSA"}))
header = jwt.utils.base64url_encode(b'{"alg":"Ed25519"}') + b"." + jwt.utils.base64url_encode(b'{"sub":"a"}')
token = header + b"." + jwt.utils.base64url_encode(private.sign(header))
try:
    print(jwt.decode(token, jwt.PyJWK(ed), algorithms=["Ed25519", "EdDSA"]))
except jwt.PyJWTError as error:
    print("the same key without a label, token says Ed25519:", type(error).__name__)
PY
