// A real OpenID provider (npm `oidc-provider`) for the tests: what an agency's sign-in service does, without the screens.
// Usage: node oidc_provider.mjs SETTINGS.json, in which stand issuer, port, certificate, key, alg, clients and users.
// A user signs in by `login_hint` alone; how they signed in (amr, acr) and what else is said of them (claims) is in the file.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

import { Provider } from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf-8'));
const keyPairs = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
};
const signingKey = {
  ...keyPairs[settings.alg]().privateKey.export({ format: 'jwk' }),
  alg: settings.alg,
  kid: randomUUID(),
  use: 'sig',
};

const provider = new Provider(settings.issuer, {
  clients: settings.clients.map((client) => ({
    ...client,
    id_token_signed_response_alg: settings.alg,
    require_auth_time: true,
  })),
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomUUID()] },
  claims: { openid: ['sub', 'amr', 'acr', ...Object.values(settings.users).flatMap((user) => Object.keys(user.claims))] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  ttl: { IdToken: settings.id_token_s ?? 600, Session: 600, Interaction: 600, Grant: 600, AccessToken: 600 },
  findAccount: (_context, id) => {
    const user = settings.users[id];
    return user && { accountId: id, claims: () => ({ ...user.claims, sub: id }) };
  },
});
provider.on('server_error', (_context, error) => console.error(error));

async function signIn(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const user = settings.users[params.login_hint];
  const grant = new provider.Grant({ accountId: params.login_hint, clientId: params.client_id });
  grant.addOIDCScope('openid');
  const login = { accountId: params.login_hint, amr: user.amr, acr: user.acr, remember: false };
  await provider.interactionFinished(request, response, { login, consent: { grantId: await grant.save() } });
}

const answer = provider.callback();
createServer({ cert: readFileSync(settings.certificate), key: readFileSync(settings.key) }, (request, response) => {
  if (request.url.startsWith('/interaction/')) {
    signIn(request, response).catch((error) => response.writeHead(500).end(String(error)));
  } else {
    answer(request, response);
  }
}).listen(settings.port, '127.0.0.1');
