#!/bin/sh
# Expected: workalendar's class Scotland has Scotland's bank holidays.
# Actual: It has five days a year. Missing are Good Friday, the spring and summer bank holidays, St Andrew's Day and
#   the days in lieu of a weekend. So are the days for the funeral of 2022 and the coronation of 2023. Those of a few
#   towns are in separate classes.
# Versions: workalendar 17.0.0, govuk-bank-holidays 0.19 (its own copy of the list, no network)
# Date: 2026-11-30, the output under `expected`.
# Consequence: Deadlines in working days end early in Scotland, without a warning. Use the published list; the two
#   lists here name the same country and differ by half.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
2022, weekdays: workalendar 2, published 11, missing 2022-01-03 2022-01-04 2022-04-15 2022-06-02 2022-06-03 2022-08-01 2022-09-19 2022-11-30 2022-12-27
2023, weekdays: workalendar 4, published 10, missing 2023-01-03 2023-04-07 2023-05-08 2023-05-29 2023-08-07 2023-11-30
2026, weekdays: workalendar 4, published 9, missing 2026-04-03 2026-05-25 2026-08-03 2026-11-30 2026-12-28
TEXT
python_packages workalendar==17.0.0 govuk-bank-holidays==0.19
python_prints <<'PY'
from govuk_bank_holidays.bank_holidays import BankHolidays
from workalendar.europe import Scotland

listed = {entry["date"] for entry in BankHolidays(use_cached_holidays=True).get_holidays(division="scotland")}
for year in (2022, 2023, 2026):
    counted = {day for day, _name in Scotland().holidays(year) if day.weekday() < 5}
    published = {day for day in listed if day.year == year}
    print(
        f"{year}, weekdays: workalendar {len(counted)}, published {len(published)}, missing",
        *sorted(map(str, published - counted)),
    )
PY
