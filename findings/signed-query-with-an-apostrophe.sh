#!/bin/sh
# Expected: Two implementations of HTTP message signatures (RFC 9421) verify each other's signature over a query
#   parameter. Section 2.2.8 encodes its value by the form-urlencoded rules: an apostrophe becomes %27, an asterisk stays.
# Actual: The Python library encodes an apostrophe and an asterisk, the one for Node.js neither. A value with one of
#   them, or with an exclamation mark or a bracket, fails in both directions. Values with a space or an accent verify.
# Versions: http-message-signatures 3.0.0 (PyPI), http-message-signatures 1.0.6 (npm)
# Date: 2026-12-01, the output under `expected`.
# Consequence: A webhook works until a place is King's Lynn. Cover the method, the authority, the path and the content
#   digest, and keep values out of the query.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
Kirkby: Python to Node.js verifies, Node.js to Python verifies
Bury St Edmunds: Python to Node.js verifies, Node.js to Python verifies
Ynys Môn: Python to Node.js verifies, Node.js to Python verifies
King's Lynn: Python to Node.js fails, Node.js to Python fails
Stoke (north): Python to Node.js fails, Node.js to Python fails
Westward Ho!: Python to Node.js fails, Node.js to Python fails
TEXT
node_packages http-message-signatures@1.0.6
cat >"$work/node_side.cjs" <<'JS'
const fs = require("fs");
const { createSigner, createVerifier, httpbis } = require("http-message-signatures");
const algorithm = "ecdsa-p256-sha256";
const fields = ["@method", '@query-param;name="place"'];
const [action] = process.argv.slice(2);
const verify = createVerifier(fs.readFileSync("public.pem"), algorithm);
const key = createSigner(fs.readFileSync("private.pem"), algorithm, "k1");
const run = ({ url, headers }) => {
  const request = { method: "POST", url, headers };
  if (action === "sign") return httpbis.signMessage({ key, fields, name: "sig1" }, request).then((signed) => signed.headers);
  return httpbis.verifyMessage({ keyLookup: async () => ({ id: "k1", algs: [algorithm], verify }) }, request);
};
Promise.all(JSON.parse(fs.readFileSync(0)).map(run)).then((all) => process.stdout.write(JSON.stringify(all)));
JS
python_packages http-message-signatures==3.0.0 requests==2.34.2
python_prints <<'PY'
import json
import subprocess
from pathlib import Path
from urllib.parse import quote

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)

PLACES = ["Kirkby", "Bury St Edmunds", "Ynys Môn", "King's Lynn", "Stoke (north)", "Westward Ho!"]
PEM = serialization.Encoding.PEM
private = ec.generate_private_key(ec.SECP256R1())
Path("private.pem").write_bytes(
    private.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
)
Path("public.pem").write_bytes(private.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


class Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return Path("private.pem").read_bytes()

    def resolve_public_key(self, key_id):
        return Path("public.pem").read_bytes()


OPTIONS = {"signature_algorithm": algorithms.ECDSA_P256_SHA256, "key_resolver": Keys()}


def node(action, messages):
    return json.loads(subprocess.check_output(["node", "node_side.cjs", action], input=json.dumps(messages).encode()))


def python_signs(url):
    request = requests.Request("POST", url).prepare()
    HTTPMessageSigner(**OPTIONS).sign(
        request, key_id="k1", covered_component_ids=["@method", '"@query-param";name="place"']
    )
    return {"url": request.url, "headers": dict(request.headers)}


def python_verifies(url, headers):
    request = requests.Request("POST", url, headers=headers).prepare()
    try:
        HTTPMessageVerifier(**OPTIONS).verify(request)
    except InvalidSignature:
        return False
    return True


signed = [python_signs(f"https://bell.example/hook?place={quote(place)}") for place in PLACES]
by_node = node("verify", signed)
headers = node("sign", [{"url": each["url"], "headers": {}} for each in signed])
for place, each, forth, back in zip(PLACES, signed, by_node, headers):
    words = ["verifies" if done else "fails" for done in (forth, python_verifies(each["url"], back))]
    print(f"{place}: Python to Node.js {words[0]}, Node.js to Python {words[1]}")
PY
