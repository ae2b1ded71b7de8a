#!/bin/sh
# Expected: A parser of personal names keeps each name of a person. It returns a lone given name as "first".
# Actual: Given names that are titles elsewhere become "title", and the family name moves to "first" or stays alone.
#   Md, the usual short form of Mohammed in Bangladesh, becomes a title or a medical degree, depending on its place.
# Versions: nameparser 2.6.0
# Date: 2026-11-30, the output under `expected`.
# Consequence: Records keyed on first and last name lose one of the two for people with West African and Bengali
#   names. Request the parts in a form; compare a single name field as a whole.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
Prince Okafor: title=Prince first=Okafor
Princess Adeyemi: title=Princess first=Adeyemi
Bishop Asante: title=Bishop last=Asante
Hon Wong: title=Hon last=Wong
Md Rahman: first=Md last=Rahman
Md. Abdul Karim: title=Md. first=Abdul last=Karim
Karim Md: first=Karim suffix=Md
Earl Grant: first=Earl last=Grant
TEXT
python_packages nameparser==2.6.0
python_prints <<'PY'
from nameparser import HumanName

for name in (
    "Prince Okafor", "Princess Adeyemi", "Bishop Asante", "Hon Wong", "Md Rahman", "Md. Abdul Karim", "Karim Md", "Earl Grant"
):
    parts = HumanName(name).as_dict()
    print(f"{name}:", *(f"{part}={text}" for part, text in parts.items() if text))
PY
