#!/bin/sh
# Expected: Two equal birth dates as text are an exact match in splink's DateOfBirthComparison, or text that it cannot
#   read is an error: it has a parameter for the format.
# Actual: Every text that is not year-month-day counts as missing, without a warning. 03/04/2015 against 03/04/2015 is
#   in the level "is NULL", which adds no evidence, as is 03/04/2015 against 01/01/1950.
# Versions: splink 5.0.0, duckdb 2.0.1, pandas 2.3.3
# Date: 2026-11-30, the output under `expected`.
# Consequence: A British extract with days first links on everything except the birth date. A father and son of one
#   name and address become one person. Pass datetime_format="%d/%m/%Y", and first count the share of nulls.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
default 03/04/2015 against 03/04/2015: transformed dob is NULL
default 03/04/2015 against 01/01/1950: transformed dob is NULL
default 2015-04-03 against 2015-04-03: Exact match on date of birth
format given 03/04/2015 against 03/04/2015: Exact match on date of birth
format given 03/04/2015 against 01/01/1950: none
TEXT
python_packages splink==5.0.0 duckdb==2.0.1 pandas==2.3.3
python_prints <<'PY'
import duckdb
import splink.comparison_library as cl


def show(name, left, right, **options):
    comparison = cl.DateOfBirthComparison("dob", input_is_string=True, **options)
    levels = comparison.get_comparison("duckdb").as_dict()["comparison_levels"]
    cases = " ".join(
        f"WHEN {level['sql_condition']} THEN '{level['label_for_charts']}'"
        for level in levels
        if level["sql_condition"] != "ELSE"
    )
    query = f"SELECT CASE {cases} ELSE 'none' END FROM (SELECT ? AS dob_l, ? AS dob_r)"
    print(f"{name} {left} against {right}: {duckdb.execute(query, [left, right]).fetchone()[0]}")


show("default", "03/04/2015", "03/04/2015")
show("default", "03/04/2015", "01/01/1950")
show("default", "2015-04-03", "2015-04-03")
show("format given", "03/04/2015", "03/04/2015", datetime_format="%d/%m/%Y")
show("format given", "03/04/2015", "01/01/1950", datetime_format="%d/%m/%Y")
PY
