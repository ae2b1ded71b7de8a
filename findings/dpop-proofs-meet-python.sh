#!/bin/sh
# Guess: a DPoP proof made with an Ed25519 key by the usual JavaScript library is verified by the usual Python ones.
# What is: dpop writes "Ed25519" (RFC 9864) into the header, with no way to write "EdDSA". joserfc, jwcrypto and
#   cryptojwt verify it; PyJWT, authlib.jose and jwskate know the algorithm under its old name alone and refuse it.
# Version: dpop 2.1.2 (npm); joserfc 1.8.0, jwcrypto 1.6.1, cryptojwt 1.11.0, PyJWT 2.15.1, Authlib 1.9.10, jwskate 0.12.2
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: a client that may meet any authorization server makes its DPoP key ES256; a server that takes Ed25519 says so
#   in dpop_signing_alg_values_supported by that very name.
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
