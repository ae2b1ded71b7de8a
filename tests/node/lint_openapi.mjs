// Lint an OpenAPI description with npm `@redocly/openapi-core`, by its strictest rules.
// Usage: node lint_openapi.mjs FILE; prints one line for each problem.
import { createConfig, lint } from '@redocly/openapi-core';

const config = await createConfig({ extends: ['recommended-strict'] });
for (const { severity, ruleId, message, location } of await lint({ ref: process.argv[2], config })) {
  console.log(`${severity} ${ruleId}: ${message} ${location?.[0]?.pointer ?? ''}`);
}
