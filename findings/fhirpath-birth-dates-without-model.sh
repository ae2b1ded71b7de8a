#!/bin/sh
# Expected: Two implementations of FHIRPath give the same answer for an expression about a patient's birth date. A
#   library without the type of a field reports that.
# Actual: fhirpath.js without its model treats the birth date as text. Equality with the same date is false, without a
#   warning, and "<" raises. With the model equality is true. fhirpathpy compares dates without a model.
# Versions: fhirpath 5.2.2 (npm), fhirpathpy 2.2.4
# Date: 2026-11-30, the output under `expected`.
# Consequence: A FHIRPath rule that matches a person by birth date finds no match in the browser and one on the
#   server. Always pass the model, and test that the rule can be true.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
Patient.birthDate = @1970-06-15: fhirpath.js [false], with model [true], fhirpathpy [true]
Patient.birthDate < @1970-07-01: fhirpath.js error, with model [true], fhirpathpy [true]
Patient.birthDate = '1970-06-15': fhirpath.js [true], with model [false], fhirpathpy [true]
TEXT
node_packages fhirpath@5.2.2
cat >"$work/evaluate.cjs" <<'JS'
const fhirpath = require("fhirpath");
const model = require("fhirpath/fhir-context/r4");
const patient = { resourceType: "Patient", birthDate: "1970-06-15" };
const show = (expression, given) => {
  try {
    return JSON.stringify(fhirpath.evaluate(patient, expression, null, given));
  } catch {
    return "error";
  }
};
process.stdout.write(JSON.stringify(process.argv.slice(2).map((text) => [show(text), show(text, model)])));
JS
python_packages fhirpathpy==2.2.4
python_prints <<'PY'
import json
import subprocess

from fhirpathpy import evaluate

PATIENT = {"resourceType": "Patient", "birthDate": "1970-06-15"}
EXPRESSIONS = ["Patient.birthDate = @1970-06-15", "Patient.birthDate < @1970-07-01", "Patient.birthDate = '1970-06-15'"]
answers = json.loads(subprocess.check_output(["node", "evaluate.cjs", *EXPRESSIONS]))
for expression, (bare, typed) in zip(EXPRESSIONS, answers):
    own = json.dumps(evaluate(PATIENT, expression))
    print(f"{expression}: fhirpath.js {bare}, with model {typed}, fhirpathpy {own}")
PY
