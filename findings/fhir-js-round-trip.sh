#!/bin/sh
# Expected: A converter between FHIR's JSON and XML returns the same resource after both conversions, because the
#   standard defines one model.
# Actual: An extension on the first given name, which has no text of its own, moves to the second name. A number comes
#   back as text, which FHIR's JSON does not allow.
# Versions: fhir 4.12.0 (npm)
# Date: 2026-11-30, the output under `expected`.
# Consequence: "The first name is masked" becomes a note on a name that is shown. Do not convert messages in transit;
#   compare the sent message with the received one.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
name before: given [null,"Ann"] _given [{"extension":[{"url":"https://a.example/masked","valueBoolean":true}]},null]
name after:  given ["Ann"] _given [{"extension":[{"url":"https://a.example/masked","valueBoolean":true}]}]
number before: 36.6
number after:  "36.6"
TEXT
node_packages fhir@4.12.0
node_prints <<'JS'
import { createRequire } from "node:module";

const { Fhir } = createRequire(import.meta.url)("fhir");
const fhir = new Fhir();
const both = (resource) => fhir.xmlToObj(fhir.objToXml(resource));
const masked = { extension: [{ url: "https://a.example/masked", valueBoolean: true }] };
const patient = { resourceType: "Patient", name: [{ given: [null, "Ann"], _given: [masked, null] }] };
const line = ({ name: [{ given, _given }] }) => `given ${JSON.stringify(given)} _given ${JSON.stringify(_given)}`;
console.log(`name before: ${line(patient)}`);
console.log(`name after:  ${line(both(patient))}`);
const reading = {
  resourceType: "Observation", status: "final", code: { text: "temperature" }, valueQuantity: { value: 36.6 },
};
console.log(`number before: ${JSON.stringify(reading.valueQuantity.value)}`);
console.log(`number after:  ${JSON.stringify(both(reading).valueQuantity.value)}`);
JS
