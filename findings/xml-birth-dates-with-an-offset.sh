#!/bin/sh
# Expected: The same birth date with and without an offset, as two systems write it in XML, is one day to each library.
# Actual: zeep and suds drop the offset, so the two are equal. xsdata and PyXB-X keep it: they are never equal, without
#   an error, and to sort the two raises TypeError. By XML Schema 1.0 (part 2, 3.2.7.3) such a pair has no order.
# Versions: zeep 4.3.3, suds-community 1.2.0, xsdata 26.10, PyXB-X 1.2.6.4
# Date: 2026-12-01, the output under `expected`.
# Consequence: Many services write xs:date with the offset of the machine. The person is then found by one client and
#   not by another. Read the calendar day and drop the offset on both sides before a comparison.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
zeep: with Z equal, with +01:00 equal, sorted together: sorts
suds: with Z equal, with +01:00 equal, sorted together: sorts
xsdata: with Z not equal, with +01:00 not equal, sorted together: TypeError
PyXB-X: with Z not equal, with +01:00 not equal, sorted together: TypeError
TEXT
python_packages zeep==4.3.3 suds-community==1.2.0 xsdata==26.10 PyXB-X==1.2.6.4
python_prints <<'PY'
from pyxb.binding import datatypes
from suds.sax.date import Date
from xsdata.models.datatype import XmlDate
from zeep import xsd

PLAIN, WINTER, SUMMER = "1970-06-15", "1970-06-15Z", "1970-06-15+01:00"
READERS = {
    "zeep": xsd.Date().pythonvalue,
    "suds": lambda text: Date(text).value,
    "xsdata": XmlDate.from_string,
    "PyXB-X": datatypes.date,
}


def order(read):
    try:
        sorted([read(PLAIN), read(SUMMER)])
    except TypeError:
        return "TypeError"
    return "sorts"


for name, read in READERS.items():
    equal = ["equal" if read(PLAIN) == read(text) else "not equal" for text in (WINTER, SUMMER)]
    print(f"{name}: with Z {equal[0]}, with +01:00 {equal[1]}, sorted together: {order(read)}")
PY
