#!/bin/sh
# Guess: a converter between the JSON and the XML of FHIR gives the resource back after both ways: the standard says that
#   the two are one model.
# What is: an extension on the first given name, which has no text of its own, moves to the second name; and a number
#   comes back as text, which FHIR's JSON does not allow.
# Version: fhir 4.12.0 (npm)
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: "the first name is masked" becomes a note on a name that is shown. Do not let messages pass through the other
#   format on their way; compare what was sent with what arrived.
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
