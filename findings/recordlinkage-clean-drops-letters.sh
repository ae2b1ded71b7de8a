#!/bin/sh
# Guess: recordlinkage's clean() makes names comparable: small letters, no punctuation, an accent at most taken off.
# What is: each letter outside a to z is cut out of the name, a name in another script is empty afterwards, and what
#   stands in brackets is gone. strip_accents keeps letters with a mark, and still loses those that have no plain form.
# Version: recordlinkage 0.16, pandas 2.3.3
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: different names become one (two people with Chinese names are both "", an exact match), and one name written
#   with and without its accent becomes two. Normalise names before, and give clean() its replace_by_none as None.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
clean(): Siân=sin Zoë=zo José=jos Łukasz=ukasz Nguyễn=nguyn 李= 王= Davies (Jones)=davies
strip_accents="unicode": Siân=sian Zoë=zoe José=jose Łukasz=ukasz Nguyễn=nguyen 李= 王= Davies (Jones)=davies
李 and 王 compared as exact: 1
TEXT
python_packages recordlinkage==0.16 pandas==2.3.3
python_prints <<'PY'
import pandas
import recordlinkage
from recordlinkage.preprocessing import clean

NAMES = ["Siân", "Zoë", "José", "Łukasz", "Nguyễn", "李", "王", "Davies (Jones)"]


def show(title, cleaned):
    print(title, *(f"{before}={after}" for before, after in zip(NAMES, cleaned)))


show("clean():", clean(pandas.Series(NAMES)))
show('strip_accents="unicode":', clean(pandas.Series(NAMES), strip_accents="unicode"))
left = pandas.DataFrame({"name": clean(pandas.Series(["李"]))})
right = pandas.DataFrame({"name": clean(pandas.Series(["王"]))})
compare = recordlinkage.Compare()
compare.exact("name", "name")
print("李 and 王 compared as exact:", compare.compute(pandas.MultiIndex.from_tuples([(0, 0)]), left, right).iloc[0, 0])
PY
