#!/bin/sh
# Expected: A validator of NHS numbers rejects the stand-ins of case systems: ten zeros, ten nines, ten equal
#   digits. It accepts the number as the NHS prints it, in groups of three, three and four.
# Actual: The check digit of ten equal digits is that digit, and none of the three validators checks further. The one
#   for JavaScript rejects the printed form: it accepts stand-ins and rejects real numbers with spaces.
# Versions: python-stdnum 2.2, nhs-number 2.2.0; nhs-number-validator 1.1.2 (npm)
# Date: 2026-11-30, the output under `expected`.
# Consequence: A check digit is no evidence that a number belongs to a person. Reject listed stand-ins before a
#   number links two records; otherwise all people without a number become one person.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
                     0000000000 1111111111 4444444444 9999999999 943 476 5919
python-stdnum        valid      valid      valid      valid      valid
nhs-number           valid      valid      valid      valid      valid
nhs-number-validator valid      valid      valid      valid      refused
TEXT
node_packages nhs-number-validator@1.1.2
cat >"$work/valid.cjs" <<'JS'
const { validate } = require("nhs-number-validator");
process.stdout.write(JSON.stringify(process.argv.slice(2).map((number) => validate(number))));
JS
python_packages python-stdnum==2.2 nhs-number==2.2.0
python_prints <<'PY'
import json
import subprocess

import nhs_number
from stdnum.gb import nhs

NUMBERS = ["0000000000", "1111111111", "4444444444", "9999999999", "943 476 5919"]


def show(name, answers):
    print(f"{name:20} {' '.join(('valid' if answer else 'refused').ljust(10) for answer in answers)}".rstrip())


print(" " * 20, *NUMBERS)
show("python-stdnum", map(nhs.is_valid, NUMBERS))
show("nhs-number", map(nhs_number.is_valid, NUMBERS))
show("nhs-number-validator", json.loads(subprocess.check_output(["node", "valid.cjs", *NUMBERS])))
PY
