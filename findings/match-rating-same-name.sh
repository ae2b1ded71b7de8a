#!/bin/sh
# Guess: a phonetic comparison says that a name sounds like itself; and in a column of names each stands for itself.
# What is: jellyfish's match_rating_comparison() returns None, which is no match to any caller that asks "if", for a name
#   with an apostrophe, a hyphen or a full stop compared with itself. Its codex raises for such a name, so that
#   recordlinkage's phonetic(method="match_rating") fails for a whole column because of one O'Brien.
# Version: jellyfish 1.3.0, recordlinkage 0.16, pandas 2.3.3
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: Irish and double-barrelled names never match by this rule, silently. Take all but letters out first.
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
