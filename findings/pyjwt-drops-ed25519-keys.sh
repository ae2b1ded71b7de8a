#!/bin/sh
# Expected: A key whose "alg" is "Ed25519" (RFC 9864, which deprecates "EdDSA") verifies tokens with that name, or its
#   library reports that it does not know the name.
# Actual: PyJWT omits the key from its set without a warning. If it was the only key, the error suggests that the
#   cryptography package is missing, although it is installed. Without "alg" the key is read, but tokens signed with
#   it under the name "Ed25519" are still refused.
# Versions: PyJWT 2.15.1, cryptography 50.0.2
# Date: 2026-11-30, the output under `expected`.
# Consequence: If you publish keys for unknown readers, publish an ECDSA or RSA key beside an Ed25519 one. Otherwise
#   label the key "EdDSA" and sign with that name while PyJWT is among the readers.
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
