#!/bin/sh
# Expected: A phonetic comparison reports that a name sounds like itself. In a column of names, one name does not
#   affect the others.
# Actual: jellyfish's match_rating_comparison() returns None for a name with an apostrophe, a hyphen or a full stop
#   compared with itself. A caller that tests it with "if" sees no match. The codex raises for such a name, so one
#   O'Brien makes recordlinkage's phonetic(method="match_rating") fail for the whole column.
# Versions: jellyfish 1.3.0, recordlinkage 0.16, pandas 2.3.3
# Date: 2026-11-30, the output under `expected`.
# Consequence: Irish and double-barrelled names never match by this rule, without a warning. Remove all characters
#   except letters first.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
Brien, Brien: True
O'Brien, O'Brien: None
Smith-Jones, Smith-Jones: None
St. John, St. John: None
Mary Ann, Mary Ann: True
a column of three names: ValueError: Strings must only contain alphabetical characters
TEXT
python_packages jellyfish==1.3.0 recordlinkage==0.16 pandas==2.3.3
python_prints <<'PY'
import jellyfish
import pandas
from recordlinkage.preprocessing import phonetic

for name in ("Brien", "O'Brien", "Smith-Jones", "St. John", "Mary Ann"):
    print(f"{name}, {name}: {jellyfish.match_rating_comparison(name, name)}")
try:
    print("a column of three names:", list(phonetic(pandas.Series(["Patel", "O'Brien", "Khan"]), "match_rating")))
except ValueError as error:
    print(f"a column of three names: ValueError: {error}")
PY
