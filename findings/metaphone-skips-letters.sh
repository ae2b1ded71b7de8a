#!/bin/sh
# Expected: The phonetic code of Łukasz is that of Lukasz, as Siân and Sian have one code. For unknown letters the
#   function raises or reports it.
# Actual: The function skips letters without a decomposition (Ł, Đ) without a warning, so the code begins with the
#   next consonant. Every name in another script gets the same code, the empty one.
# Versions: jellyfish 1.3.0, Metaphone 0.6
# Date: 2026-11-30, the output under `expected`.
# Consequence: Blocking on these codes separates a Polish or Vietnamese person from their own record, and puts all
#   names in Chinese into one block. An empty code is no evidence; fold Ł, Đ and Ø by a table of your own.
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
