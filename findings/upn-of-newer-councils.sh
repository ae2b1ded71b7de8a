#!/bin/sh
# Expected: A validator of unique pupil numbers (UPN) accepts one whose first school is in any English council of today.
# Actual: It compares the council's number with the list of January 2011. It rejects the six councils that were formed
#   in 2019, 2021 and 2023, and accepts the abolished ones that they replaced.
# Versions: python-stdnum 2.2
# Date: 2026-12-01, the output under `expected`.
# Consequence: A child who started school there in or after those years has no valid UPN by this library, so a record
#   that is cleaned with it loses the identifier. A child keeps the UPN after a move: the loss is not local. Check the
#   letters and the check letter only.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
909 Cumbria, until 2023                            N909123415001 valid
942 Cumberland, from 2023                          V942123424001 InvalidComponent
943 Westmorland and Furness, from 2023             Z943123424001 InvalidComponent
928 Northamptonshire, until 2021                   Q928123415001 valid
940 North Northamptonshire, from 2021              L940123424001 InvalidComponent
941 West Northamptonshire, from 2021               Q941123424001 InvalidComponent
837 Bournemouth, until 2019                        M837123415001 valid
838 Dorset, from 2019                              Q838123424001 InvalidComponent
839 Bournemouth, Christchurch and Poole, from 2019 V839123424001 InvalidComponent
TEXT
python_packages python-stdnum==2.2
python_prints <<'PY'
from stdnum.exceptions import ValidationError
from stdnum.gb import upn

COUNCILS = [
    (909, "Cumbria, until 2023", 15),
    (942, "Cumberland, from 2023", 24),
    (943, "Westmorland and Furness, from 2023", 24),
    (928, "Northamptonshire, until 2021", 15),
    (940, "North Northamptonshire, from 2021", 24),
    (941, "West Northamptonshire, from 2021", 24),
    (837, "Bournemouth, until 2019", 15),
    (838, "Dorset, from 2019", 24),
    (839, "Bournemouth, Christchurch and Poole, from 2019", 24),
]


def answer(number):
    try:
        upn.validate(number)
    except ValidationError as refused:
        return type(refused).__name__
    return "valid"


for council, name, year in COUNCILS:
    digits = f"{council}1234{year}001"
    number = upn.calc_check_digit(digits) + digits
    print(f"{council} {name:47}{number} {answer(number)}")
PY
