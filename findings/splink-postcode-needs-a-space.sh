#!/bin/sh
# Expected: splink's PostcodeComparison, made for British postcodes, recognises one postcode with and without its
#   space.
# Actual: It reads the district as up to two characters from the first digit on. M11AE (M1 1AE) gets the district M11.
#   Against M1 1AE, the same postcode, only the area agrees; against M11 3FF, another part of town, the district
#   agrees.
# Versions: splink 5.0.0, duckdb 2.0.1, pandas 2.3.3
# Date: 2026-11-30, the output under `expected`.
# Consequence: If one source stores postcodes without a space, the same home weighs least and a stranger's district
#   more. Insert the space before the last three characters before linking.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
M1 1AE against M1 1AE: Exact match on full postcode
M1 1AE against M11AE: Exact match on area
M11AE against M11 3FF: Exact match on district
M1 1AE against M11 3FF: Exact match on area
TEXT
python_packages splink==5.0.0 duckdb==2.0.1 pandas==2.3.3
python_prints <<'PY'
import duckdb
import splink.comparison_library as cl

levels = cl.PostcodeComparison("postcode").get_comparison("duckdb").as_dict()["comparison_levels"]
cases = " ".join(
    f"WHEN {level['sql_condition']} THEN '{level['label_for_charts']}'" for level in levels if level["sql_condition"] != "ELSE"
)
for left, right in (("M1 1AE", "M1 1AE"), ("M1 1AE", "M11AE"), ("M11AE", "M11 3FF"), ("M1 1AE", "M11 3FF")):
    query = f"SELECT CASE {cases} ELSE 'none' END FROM (SELECT ? AS postcode_l, ? AS postcode_r)"
    print(f"{left} against {right}: {duckdb.execute(query, [left, right]).fetchone()[0]}")
PY
