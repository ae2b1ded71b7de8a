#!/bin/sh
# Guess: a parser of personal names keeps each name that a person has; a lone given name stands under "first".
# What is: given names that are titles elsewhere are put under "title", and the family name moves up to "first" or
#   stays alone. Md, the usual short form of Mohammed in Bangladesh, becomes a title or a medical degree by its place.
# Version: nameparser 2.6.0
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: records keyed on first and last name lose one of the two for people with West African and Bengali names. Ask
#   for the parts in a form; where only one field exists, compare it whole.
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
