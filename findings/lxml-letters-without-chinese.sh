#!/bin/sh
# Expected: \p{L} in a schema's pattern accepts any letter, including Chinese and Korean ones: they are Unicode
#   letters (Lo).
# Actual: libxml2 knows only the two ends of such ranges as letters. It accepts U+4E00 and U+9FA5 and refuses the
#   characters between them, and likewise for Hangul syllables. \w accepts them. The xmlschema package accepts all.
# Versions: lxml 6.1.3 (libxml2 2.14.6), xmlschema 4.3.2
# Date: 2026-11-30, the output under `expected`.
# Consequence: A schema that requires letters in a name rejects people by their script, and only in some tools. Use \w
#   in such a pattern, or check names outside the schema.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
lxml      \p{L}+ U+4E00 taken, U+674E refused, U+738B refused, U+9FA5 taken, U+AC00 taken, U+D55C refused, U+0142 taken
lxml      \w+    U+4E00 taken, U+674E taken, U+738B taken, U+9FA5 taken, U+AC00 taken, U+D55C taken, U+0142 taken
xmlschema \p{L}+ U+4E00 taken, U+674E taken, U+738B taken, U+9FA5 taken, U+AC00 taken, U+D55C taken, U+0142 taken
TEXT
python_packages lxml==6.1.3 xmlschema==4.3.2
python_prints <<'PY'
import xmlschema
from lxml import etree

POINTS = (0x4E00, 0x674E, 0x738B, 0x9FA5, 0xAC00, 0xD55C, 0x142)


def schema(pattern):
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="name"><xs:simpleType>'
        f'<xs:restriction base="xs:string"><xs:pattern value="{pattern}"/></xs:restriction>'
        "</xs:simpleType></xs:element></xs:schema>"
    )


def show(tool, pattern, valid):
    words = (f"U+{point:04X} {'taken' if valid(f'<name>{chr(point)}</name>') else 'refused'}" for point in POINTS)
    print(f"{tool:9} {pattern:6} {', '.join(words)}")


for pattern in (r"\p{L}+", r"\w+"):
    compiled = etree.XMLSchema(etree.fromstring(schema(pattern)))
    show("lxml", pattern, lambda text: compiled.validate(etree.fromstring(text)))
show("xmlschema", r"\p{L}+", xmlschema.XMLSchema(schema(r"\p{L}+")).is_valid)
PY
