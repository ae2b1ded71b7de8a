// npm `oidc-provider` as a token endpoint of the profile's kind, for the benchmark to measure beside a node's own:
// client credentials, private_key_jwt, DPoP, authorization_details, ES256, the FAPI 2.0 checks; JWT access tokens of 300 s.
// Usage: node token_server.mjs SETTINGS.json, in which stand issuer, port, certificate, key, client (id and jwks),
// resource and details_type. It keeps what it must remember in its own memory.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

import { Provider } from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf-8'));
const signingKey = {
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  alg: 'ES256',
  kid: randomUUID(),
  use: 'sig',
};
const requested = (ctx) => JSON.parse(ctx.oidc.params.authorization_details);

const provider = new Provider(settings.issuer, {
  clients: [
    {
      client_id: settings.client.id,
      jwks: settings.client.jwks,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      id_token_signed_response_alg: 'ES256',
      dpop_bound_access_tokens: true,
      authorization_details_types: [settings.details_type],
    },
  ],
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomUUID()] },
  clientAuthMethods: ['private_key_jwt'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, requireNonce: () => false },
    fapi: { enabled: true, profile: '2.0' },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => settings.resource,
      getResourceServerInfo: () => ({
        scope: '',
        audience: settings.resource,
        accessTokenTTL: 300,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
    richAuthorizationRequests: {
      enabled: true,
      types: { [settings.details_type]: { validate: () => undefined } },
      authorizationDetailsForAccessToken: requested,
    },
  },
  routes: { token: '/oauth/v1/token' },
  ttl: { ClientCredentials: 300 },
});
provider.on('server_error', (_context, error) => console.error(error));

createServer(
  { cert: readFileSync(settings.certificate), key: readFileSync(settings.key) },
  provider.callback(),
).listen(settings.port, '127.0.0.1');
