#!/bin/sh
# Expected: A common JavaScript library makes a DPoP proof with an Ed25519 key; the common Python libraries verify it.
# Actual: dpop writes "Ed25519" (RFC 9864) into the header and cannot write "EdDSA". joserfc, jwcrypto and cryptojwt
#   verify the proof. PyJWT, authlib.jose and jwskate know only the old name of the algorithm and refuse it.
# Versions: dpop 2.1.2 (npm); joserfc 1.8.0, jwcrypto 1.6.1, cryptojwt 1.11.0, PyJWT 2.15.1, Authlib 1.9.10, jwskate 0.12.2
# Date: 2026-11-30, the output under `expected`.
# Consequence: A client of arbitrary authorization servers should use an ES256 key for DPoP. A server that accepts
#   Ed25519 should list exactly that name in dpop_signing_alg_values_supported.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
header alg: Ed25519
joserfc 1.8.0: verified
jwcrypto 1.6.1: verified
cryptojwt 1.11.0: verified
PyJWT 2.15.1: PyJWKError
Authlib 1.9.10: UnsupportedAlgorithmError
jwskate 0.12.2: UnsupportedAlg
TEXT
node_packages dpop@2.1.2
cat >"$work/proof.mjs" <<'JS'
import * as DPoP from "dpop";
const keys = await DPoP.generateKeyPair("Ed25519");
process.stdout.write(await DPoP.generateProof(keys, "https://node.example/token", "POST"));
JS
(cd "$work" && node --no-warnings proof.mjs) >"$work/proof" || cannot "node 20 or later is needed"
python_packages joserfc==1.8.0 jwcrypto==1.6.1 cryptojwt==1.11.0 PyJWT==2.15.1 Authlib==1.9.10 jwskate==0.12.2
python_prints <<'PY'
import base64
import json
from importlib.metadata import version

proof = open("proof").read()
header = json.loads(base64.urlsafe_b64decode(proof.split(".")[0] + "=="))
key, allowed = header["jwk"], [header["alg"]]


def by_joserfc():
    from joserfc import jws
    from joserfc.jwk import OKPKey

    jws.deserialize_compact(proof, OKPKey.import_key(key), algorithms=allowed)


def by_jwcrypto():
    from jwcrypto import jwk, jws

    token = jws.JWS()
    token.allowed_algs = allowed
    token.deserialize(proof, jwk.JWK(**key))


def by_cryptojwt():
    from cryptojwt import JWS
    from cryptojwt.jwk.jwk import key_from_jwk_dict

    JWS(alg=allowed[0]).verify_compact(proof, [key_from_jwk_dict(key)])


def by_pyjwt():
    import jwt

    jwt.decode_complete(proof, jwt.PyJWK(key, algorithm=allowed[0]), algorithms=allowed)


def by_authlib():
    from authlib.jose import JsonWebKey, JsonWebToken

    JsonWebToken(allowed).decode(proof, JsonWebKey.import_key(key))


def by_jwskate():
    from jwskate import Jwk, JwsCompact

    JwsCompact(proof).verify_signature(Jwk(key), algs=allowed)


print("header alg:", header["alg"])
for package, verify in {
    "joserfc": by_joserfc, "jwcrypto": by_jwcrypto, "cryptojwt": by_cryptojwt,
    "PyJWT": by_pyjwt, "Authlib": by_authlib, "jwskate": by_jwskate,
}.items():
    try:
        verify()
        outcome = "verified"
    except Exception as error:
        outcome = type(error).__name__
    print(f"{package} {version(package)}: {outcome}")
PY
