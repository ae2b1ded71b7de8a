#!/bin/sh
# Expected: The validator of the return on looked-after children reads the same record from XML and from CSV. An
#   episode without an end (DEC) is a current placement.
# Actual: From XML, the validator completes each episode from the child's other episodes. A current placement without
#   DEC and REC elements gets those of the previous one: it ended on the day it began. With an empty DEC element, or
#   from CSV, it stays open.
# Versions: csc-validator-be-903 0.1.17 (pandas 1.5.3; Python 3.9 to 3.11)
# Date: 2026-11-30, the output under `expected`.
# Consequence: A child who is in care today counts as one who left. Write empty elements, or give the validator CSV;
#   never use its tables as a source of current placements.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
XML, DEC left out: 01/06/2024 to 30/09/2024 (X1); 30/09/2024 to 30/09/2024 (X1)
XML, DEC empty: 01/06/2024 to 30/09/2024 (X1); 30/09/2024 to open
CSV, DEC empty: 01/06/2024 to 30/09/2024 (X1); 30/09/2024 to open
TEXT
python_packages csc-validator-be-903==0.1.17 pandas==1.5.3
python_prints <<'PY'
import pandas
from lac_validator.ingress import read_csvs_from_text, read_xml_from_text

XML = """<SSDA903><CHILD><HEADER><CHILDID>101</CHILDID><SEX>1</SEX><DOB>03/04/2015</DOB></HEADER>
<EPISODE><DECOM>01/06/2024</DECOM><RNE>S</RNE><LS>C2</LS><CIN>N1</CIN><PL>U4</PL>
  <DEC>30/09/2024</DEC><REC>X1</REC></EPISODE>
<EPISODE><DECOM>30/09/2024</DECOM><RNE>P</RNE><LS>C2</LS><CIN>N1</CIN><PL>U4</PL>%s</EPISODE></CHILD></SSDA903>"""
CSV = """CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN
101,01/06/2024,S,C2,N1,U4,,30/09/2024,X1,,,,
101,30/09/2024,P,C2,N1,U4,,,,,,,
"""


def show(title, tables):
    episodes = (
        f"{row.DECOM} to {'open' if pandas.isna(row.DEC) else f'{row.DEC} ({row.REC})'}"
        for row in tables["Episodes"].itertuples()
    )
    print(f"{title}: {'; '.join(episodes)}")


show("XML, DEC left out", read_xml_from_text(XML % ""))
show("XML, DEC empty", read_xml_from_text(XML % "<DEC/><REC/>"))
upload = {"name": "episodes.csv", "description": "This year", "file_content": CSV.encode()}
show("CSV, DEC empty", read_csvs_from_text([upload]))
PY
