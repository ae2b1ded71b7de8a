#!/bin/sh
# Guess: a phonetic code of Łukasz is that of Lukasz, as those of Siân and Sian are one; for letters that it does not know, the
#   function raises or says so.
# What is: letters that no normal form takes apart (Ł, Đ) are passed over in silence, so the code begins with the next
#   consonant; a name in another script gets the empty code, and all such names the same one.
# Version: jellyfish 1.3.0, Metaphone 0.6
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: blocking on these codes puts a Polish or Vietnamese person apart from their own record, and everyone with a
#   name in Chinese into one block of equals. An empty code is no evidence; fold Ł, Đ and Ø by a table of your own.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
Siân: metaphone XN, double metaphone SN/XN
Sian: metaphone XN, double metaphone SN/XN
Łukasz: metaphone KSS, double metaphone KS/KX
Lukasz: metaphone LKSS, double metaphone LKS/LKX
Đặng: metaphone NK, double metaphone NK/
Dang: metaphone TNK, double metaphone TNK/
李: metaphone , double metaphone /
王: metaphone , double metaphone /
TEXT
python_packages jellyfish==1.3.0 Metaphone==0.6
python_prints <<'PY'
import jellyfish
from metaphone import doublemetaphone

for name in ("Siân", "Sian", "Łukasz", "Lukasz", "Đặng", "Dang", "李", "王"):
    print(f"{name}: metaphone {jellyfish.metaphone(name)}, double metaphone {'/'.join(doublemetaphone(name))}")
PY
