#!/bin/sh
# Expected: The policy {"scope": {"subset_of": [...]}} narrows a client's scope, a string separated by spaces (OpenID
#   Federation 1.0, 6.1.3.1.8). A policy on a parameter that the client omits has no effect (6.1.3.1.5, 6.1.3.1.6).
# Actual: Each of the three is an error that ends the resolution, because the value "is not an array". one_of ignores
#   an absent parameter, as the standard requires.
# Versions: @openid-federation/core 0.2.1 (npm)
# Date: 2026-11-30, the output under `expected`.
# Consequence: An anchor's policy that conforms to the standard locks out members that use this library. Before you
#   publish a policy, resolve a member with each implementation in the federation, once with each parameter missing.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
scope "read write admin", subset_of read and write: PolicyValidationError
contacts absent, subset_of: PolicyValidationError
contacts absent, superset_of: PolicyValidationError
auth method absent, one_of: resolved
contacts an array, subset_of: resolved ["a@a.example"]
TEXT
node_packages @openid-federation/core@0.2.1
node_prints <<'JS'
import { applyMetadataPolicyToMetadata as apply } from "@openid-federation/core";

const client = { client_registration_types: ["automatic"], redirect_uris: ["https://client.example/back"] };
const show = (title, metadata, parameter, policy) => {
  let outcome;
  try {
    const resolved = apply({
      leafMetadata: { openid_relying_party: { ...client, ...metadata } },
      policyMetadata: { openid_relying_party: { [parameter]: policy } },
    }).resolvedLeafMetadata.openid_relying_party[parameter];
    outcome = resolved === undefined ? "resolved" : `resolved ${JSON.stringify(resolved)}`;
  } catch (error) {
    outcome = error.constructor.name;
  }
  console.log(`${title}: ${outcome}`);
};
show('scope "read write admin", subset_of read and write', { scope: "read write admin" }, "scope", {
  subset_of: ["read", "write"],
});
show("contacts absent, subset_of", {}, "contacts", { subset_of: ["a@a.example"] });
show("contacts absent, superset_of", {}, "contacts", { superset_of: ["a@a.example"] });
show("auth method absent, one_of", {}, "token_endpoint_auth_method", { one_of: ["private_key_jwt"] });
show("contacts an array, subset_of", { contacts: ["a@a.example", "b@b.example"] }, "contacts", {
  subset_of: ["a@a.example"],
});
JS
