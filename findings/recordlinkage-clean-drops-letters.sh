#!/bin/sh
# Expected: recordlinkage's clean() makes names comparable: lower case, no punctuation, at most without accents.
# Actual: It removes each letter outside a to z, so a name in another script becomes empty. It also removes text in
#   brackets. strip_accents keeps letters with an accent, and still loses those without a plain form.
# Versions: recordlinkage 0.16, pandas 2.3.3
# Date: 2026-11-30, the output under `expected`.
# Consequence: Different names become one: two people with Chinese names are both "", an exact match. One name with
#   and without its accent becomes two. Normalise names first, and pass None as replace_by_none of clean().
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
