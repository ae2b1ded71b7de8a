#!/bin/sh
# Expected: A validator collapses white space around a date, as XML Schema part 2, section 4.3.6 requires for every
#   type except strings.
# Actual: lxml does so for integer and boolean, and rejects a date, time or year with a space or a line break. The
#   older release line does the same. The xmlschema package accepts all of them.
# Versions: lxml 6.1.3 (libxml2 2.14.6) and 5.4.0 (libxml2 2.13.8), xmlschema 4.3.2
# Date: 2026-11-30, the output under `expected`.
# Consequence: A children in need census file with line breaks inside its elements is valid in one tool and rejected
#   by another. Strip the text of dates before validation with lxml.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
lxml 5.4.0 date=refused time=refused gYear=refused integer=taken boolean=taken
lxml 6.1.3 date=refused time=refused gYear=refused integer=taken boolean=taken
xmlschema date=taken time=taken gYear=taken integer=taken boolean=taken
TEXT
cat >"$work/spaces.py" <<'PY'
VALUES = {"date": "\n  2015-04-03\n", "time": " 10:00:00 ", "gYear": " 2015 ", "integer": " 7 ", "boolean": " true "}
SCHEMA = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="value" type="xs:{}"/></xs:schema>'
)


def line(name, valid):
    words = (f"{kind}={'taken' if valid(SCHEMA.format(kind), f'<value>{text}</value>') else 'refused'}"
             for kind, text in VALUES.items())
    print(name, *words)


def with_lxml():
    from lxml import etree

    def valid(schema, text):
        return etree.XMLSchema(etree.fromstring(schema)).validate(etree.fromstring(text))

    line("lxml " + etree.__version__, valid)
PY
python_packages lxml==5.4.0
(cd "$work" && venv/bin/python -c 'import spaces; spaces.with_lxml()') >"$work/older"
python_packages lxml==6.1.3 xmlschema==4.3.2
python_prints <<'PY'
import spaces
import xmlschema

print(open("older").read(), end="")
spaces.with_lxml()
spaces.line("xmlschema", lambda schema, text: xmlschema.XMLSchema(schema).is_valid(text))
PY
