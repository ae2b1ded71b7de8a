#!/bin/sh
# Expected: The common library treats all telephone numbers that Ofcom reserves for drama alike, as valid or as
#   invalid.
# Actual: The numbers of named cities, freephone and premium rate are valid. Those of no area (01632) and all mobile
#   ones (07700 900) are invalid.
# Versions: phonenumbers 9.0.43
# Date: 2026-11-30, the output under `expected`.
# Consequence: Test data made of drama numbers loses its mobile and 01632 numbers wherever contacts are validated. A
#   test that expects "invalid" for invented people passes others on. Use one city's range in test data.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
0113 496 0123 Leeds: valid
020 7946 0123 London: valid
028 9649 6123 Belfast: valid
0808 157 0123 freephone: valid
0909 879 0123 premium rate: valid
01632 960123 no area: invalid
07700 900123 mobile: invalid
TEXT
python_packages phonenumbers==9.0.43
python_prints <<'PY'
import phonenumbers

for number, place in {
    "0113 496 0123": "Leeds", "020 7946 0123": "London", "028 9649 6123": "Belfast", "0808 157 0123": "freephone",
    "0909 879 0123": "premium rate", "01632 960123": "no area", "07700 900123": "mobile",
}.items():
    valid = phonenumbers.is_valid_number(phonenumbers.parse(number, "GB"))
    print(f"{number} {place}: {'valid' if valid else 'invalid'}")
PY
