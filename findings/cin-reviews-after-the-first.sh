#!/bin/sh
# Expected: A validator of the children in need census reads each review date of a child protection plan. The
#   schema permits one Reviews element in a plan, with one or more CPPreviewDate elements in it.
# Actual: csc-validator-be-cin reads the first CPPreviewDate of the element and no other. Its rule 8841 (no review on or
#   before the plan's first day) reports a wrong date in the first place, and does not report it in the second.
# Versions: csc-validator-be-cin 0.1.13, with pandas 1.5.3 and numpy 1.26.4
# Date: 2026-12-01, the output under `expected`.
# Consequence: A return passes with wrong review dates, and a count of reviews from its tables is one for each plan.
#   Read the review dates from the XML, and compare the count with the file's own.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
reviews in the file 3, in the table 1: 2024-07-01
wrong date first: rule 8841 reports 2024-04-01
wrong date second: rule 8841 reports nothing
TEXT
python_packages csc-validator-be-cin==0.1.13 pandas==1.5.3 numpy==1.26.4
python_prints <<'PY'
from xml.etree import ElementTree

from cin_validator.cin_validator import CinValidator, convert_data, process_data
from cin_validator.rules.cin2024_25 import registry

CENSUS = """<Message><Header>
<CollectionDetails><Collection>CIN</Collection><Year>2025</Year><ReferenceDate>2025-03-31</ReferenceDate></CollectionDetails>
<Source><SourceLevel>L</SourceLevel><LEA>999</LEA><SoftwareCode>Example</SoftwareCode><Release>1</Release>
<SerialNo>001</SerialNo><DateTime>2025-05-01T09:00:00</DateTime></Source></Header>
<Children><Child>
<ChildIdentifiers><LAchildID>C1</LAchildID><PersonBirthDate>2015-02-03</PersonBirthDate><Sex>F</Sex></ChildIdentifiers>
<ChildCharacteristics><Ethnicity>WBRI</Ethnicity></ChildCharacteristics>
<CINdetails><CINreferralDate>2024-04-02</CINreferralDate><ChildProtectionPlans><CPPstartDate>2024-04-15</CPPstartDate>
<Reviews>{reviews}</Reviews></ChildProtectionPlans></CINdetails>
</Child></Children></Message>"""


def tables(*days):
    reviews = "".join(f"<CPPreviewDate>{day}</CPPreviewDate>" for day in days)
    return convert_data(ElementTree.fromstring(CENSUS.format(reviews=reviews)))


def reported(*days):
    report = CinValidator(process_data(tables(*days)), registry, ["8841"]).user_report
    found = report[report["columns_affected"] == "CPPreviewDate"]["value_flagged"] if len(report) else []
    return ", ".join(found) or "nothing"


read = list(tables("2024-07-01", "2024-12-16", "2025-03-10")["Reviews"]["CPPreviewDate"])
print(f"reviews in the file 3, in the table {len(read)}: {', '.join(read)}")
print("wrong date first: rule 8841 reports", reported("2024-04-01", "2024-07-01"))
print("wrong date second: rule 8841 reports", reported("2024-07-01", "2024-04-01"))
PY
