#!/bin/sh
# Guess: two equal birth dates as text are an exact match in splink's DateOfBirthComparison, or a text that it cannot read
#   is an error: it has a parameter for the format.
# What is: every text that is not year-month-day counts as missing, without a word. 03/04/2015 against 03/04/2015
#   falls into the level "is NULL", which adds no evidence, and so does 03/04/2015 against 01/01/1950.
# Version: splink 5.0.0, duckdb 2.0.1, pandas 2.3.3
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: a British extract with days first links on everything but the birth date, so that a
#   father and son of one name and address become one person. Give datetime_format="%d/%m/%Y", and count the share of nulls first.
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
