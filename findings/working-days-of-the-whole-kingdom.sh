#!/bin/sh
# Expected: Bank holidays for the United Kingdom, without a named part, are those of England, or of any part.
# Actual: Both common sources return the days that all parts share: no Easter Monday and no day in August, which
#   England, Wales and Northern Ireland have. A working day is then counted on a holiday, without an error.
# Versions: holidays 0.109, govuk-bank-holidays 0.19 (its own copy of the list, no network)
# Date: 2026-11-30, the output under `expected`.
# Consequence: A child and family assessment is due 45 working days after the referral. Without the named part, the
#   date is a day early in an English case over Easter. Always name the part.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
45 working days after 2026-03-02, holidays, UK: 2026-05-06
45 working days after 2026-03-02, holidays, ENG: 2026-05-07
45 working days after 2026-03-02, govuk-bank-holidays, no division: 2026-05-06
45 working days after 2026-03-02, govuk-bank-holidays, england-and-wales: 2026-05-07
2026-04-06 is a holiday: UK False, ENG True; no division False, england-and-wales True
2026-08-31 is a holiday: UK False, ENG True; no division False, england-and-wales True
TEXT
python_packages holidays==0.109 govuk-bank-holidays==0.19
python_prints <<'PY'
import datetime

import holidays
from govuk_bank_holidays.bank_holidays import BankHolidays

whole, england = holidays.UK(years=2026), holidays.UK(subdiv="ENG", years=2026)
listed = BankHolidays(use_cached_holidays=True)
everywhere = {entry["date"] for entry in listed.get_holidays()}
division = {entry["date"] for entry in listed.get_holidays(division="england-and-wales")}


def due(free, start=datetime.date(2026, 3, 2), count=45):
    day = start
    while count:
        day += datetime.timedelta(1)
        count -= day.weekday() < 5 and day not in free
    return day


for name, free in {
    "holidays, UK": whole, "holidays, ENG": england,
    "govuk-bank-holidays, no division": everywhere, "govuk-bank-holidays, england-and-wales": division,
}.items():
    print(f"45 working days after 2026-03-02, {name}: {due(free)}")
for day in (datetime.date(2026, 4, 6), datetime.date(2026, 8, 31)):
    print(
        f"{day} is a holiday: UK {day in whole}, ENG {day in england}; "
        f"no division {day in everywhere}, england-and-wales {day in division}"
    )
PY
