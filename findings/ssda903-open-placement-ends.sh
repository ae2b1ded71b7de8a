#!/bin/sh
# Guess: the validator of the return on looked-after children reads the same record from XML and from CSV; an episode without an
#   end (DEC) is a placement that goes on.
# What is: from XML, each episode is filled up with what the child's other episodes say. A placement that goes on, whose
#   DEC and REC elements are left out, gets those of the one before: it ended on the day it began. With an empty DEC
#   element it stays open; from CSV it stays open.
# Version: csc-validator-be-903 0.1.17 (pandas 1.5.3; Python 3.9 to 3.11)
# Seen: 2026-11-30, the lines under `expected`.
# Meaning: the child who is in care today counts as one who left. Write empty elements, or give the validator CSV; never
#   take its tables as a source of who has a placement.
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
