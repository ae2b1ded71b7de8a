#!/bin/sh
# Expected: Libraries for British postcodes agree on the few published special cases, and reject an area that does not
#   exist.
# Actual: The five libraries give four different sets of answers. Three accept ZZ99, which means "no fixed abode" or
#   "unknown", as a postcode. All accept the forces' BF1, one accepts BFPO 61, and one the Falklands. Three accept the
#   area AZ, which does not exist.
# Versions: postcodes-uk 1.0.2, uk-postcode-utils 1.1, UkPostcodeParser 1.1.2, uk-postcodes-parsing 2.1.0; postcode 5.1.0 (npm)
# Date: 2026-11-30, the output under `expected`.
# Consequence: "Valid" says nothing about a home. Exclude ZZ99 by your own rule before you compare postcodes. Two
#   systems with different libraries keep different addresses of one person.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
                     M1 1AE  ZZ99 3VZ  BF1 2AY  BFPO 61  GIR 0AA  FIQQ 1ZZ  GX11 1AA  AZ1 1AA
postcodes-uk         yes     yes       yes      yes      yes      yes       yes       yes
uk-postcode-utils    yes     no        yes      no       no       no        yes       no
UkPostcodeParser     yes     no        yes      no       yes      no        no        no
uk-postcodes-parsing yes     yes       yes      no       no       no        yes       yes
postcode (npm)       yes     yes       yes      no       no       no        yes       yes
TEXT
node_packages postcode@5.1.0
cat >"$work/valid.cjs" <<'JS'
const { isValid } = require("postcode");
process.stdout.write(JSON.stringify(process.argv.slice(2).map((code) => isValid(code))));
JS
python_packages postcodes-uk==1.0.2 uk-postcode-utils==1.1 UkPostcodeParser==1.1.2 uk-postcodes-parsing==2.1.0
python_prints <<'PY'
import json
import subprocess

import postcodes_uk
import ukpostcodeparser
import ukpostcodeutils.validation
from uk_postcodes_parsing import ukpostcode

CODES = ["M1 1AE", "ZZ99 3VZ", "BF1 2AY", "BFPO 61", "GIR 0AA", "FIQQ 1ZZ", "GX11 1AA", "AZ1 1AA"]


def parsed(code):
    try:
        return bool(ukpostcodeparser.parse_uk_postcode(code))
    except ValueError:
        return False


def show(name, answers):
    cells = (("yes" if answer else "no").ljust(len(code) + 2) for code, answer in zip(CODES, answers))
    print(f"{name:20} {''.join(cells)}".rstrip())


print(" " * 21 + "  ".join(CODES))
show("postcodes-uk", map(postcodes_uk.validate, CODES))
show("uk-postcode-utils", (ukpostcodeutils.validation.is_valid_postcode(code.replace(" ", "")) for code in CODES))
show("UkPostcodeParser", map(parsed, CODES))
show("uk-postcodes-parsing", (ukpostcode.parse(code, attempt_fix=False) for code in CODES))
show("postcode (npm)", json.loads(subprocess.check_output(["node", "valid.cjs", *CODES])))
PY
