// A vendor's case system, written with a third-party OAuth client (npm `oauth4webapi`) and nothing of Hearthgate's.
// Usage: node vendor_client.mjs SETTINGS.json, in which stand base_url, port, ca, client_id, kid, key and body.
// It finds the token endpoint by itself, gets a bearer token and one bound to a key of its own (DPoP), asks with each, and
// prints what came as one JSON object.
import { createPrivateKey, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

import * as oauth from 'oauth4webapi';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf-8'));
const ca = readFileSync(settings.ca);

// Only where the name leads is the test's: the certificate is checked for the name that stands in the address.
const reach = (url, { method, headers, body }) =>
  new Promise((resolve, reject) => {
    const { hostname, pathname, search } = new URL(url);
    const lookup = (_name, { all }, found) => (all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4));
    const sent = Object.fromEntries(new Headers(headers));
    const text = body === undefined || body === null ? undefined : String(body);
    const call = request(
      { method, hostname, port: settings.port, path: pathname + search, headers: sent, ca, lookup, servername: hostname },
      async (answer) => {
        const pieces = [];
        for await (const piece of answer) pieces.push(piece);
        resolve(new Response(Buffer.concat(pieces), { status: answer.statusCode, headers: answer.headers }));
      },
    );
    call.on('error', reject);
    call.end(text);
  });
const options = { [oauth.customFetch]: reach };

const issuer = new URL(settings.base_url);
const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options });
const server = await oauth.processDiscoveryResponse(issuer, discovered);
const client = { client_id: settings.client_id };
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
const jwk = createPrivateKey(readFileSync(settings.key)).export({ format: 'jwk' });
const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign']);
const authentication = oauth.PrivateKeyJwt({ key, kid: settings.kid });

async function ask(bound) {
  const proofs = bound ? oauth.DPoP(client, await oauth.generateKeyPair('ES256')) : undefined;
  const asked = { ...options, DPoP: proofs };
  const answer = await oauth.clientCredentialsGrantRequest(server, client, authentication, new URLSearchParams(), asked);
  const token = await oauth.processClientCredentialsResponse(server, client, answer);
  const headers = new Headers({ 'content-type': 'application/json', 'idempotency-key': randomUUID() });
  const address = new URL(`${settings.base_url}/case/v1/lookups`);
  const body = JSON.stringify(settings.body);
  const lookup = await oauth.protectedResourceRequest(token.access_token, 'POST', address, headers, body, asked);
  const view = await lookup.json();
  const again = new URL(lookup.headers.get('location'));
  const read = await oauth.protectedResourceRequest(token.access_token, 'GET', again, undefined, undefined, asked);
  return {
    token_type: token.token_type,
    expires_in: token.expires_in,
    status: lookup.status,
    summary: view.summary,
    read: (await read.json()).summary,
    token: token.access_token,
  };
}

console.log(JSON.stringify({ token_endpoint: server.token_endpoint, bearer: await ask(false), dpop: await ask(true) }));
