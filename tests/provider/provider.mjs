// A real OpenID Connect provider (oidc-provider), for the tests: node provider.mjs PORT PEOPLE.json REDIRECT_URI
// PEOPLE.json says who there is, by login; it is read at every sign-in, so that a test can change somebody's groups.

import { readFileSync } from "node:fs";
import Provider from "oidc-provider";

const [port, people, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id: "bowstreet", client_secret: "a secret/of the+tests", redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"] }],
  claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"], groups: ["groups", "boroughs"] },
  scopes: ["openid", "profile", "email", "groups"],
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["tests"] },
  ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
  findAccount: (_ctx, login) => ({
    accountId: login,
    claims: () => ({ sub: login, ...(JSON.parse(readFileSync(people, "utf8"))[login] ?? {}) }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log(issuer));
