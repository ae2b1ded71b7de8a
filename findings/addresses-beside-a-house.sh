#!/bin/sh
# Expected: An address matcher sets a low weight, or none, for a place that is beside a house: opposite, outside or at
#   the rear of it, as police and ambulance records name the place of an incident.
# Actual: The place gets the house, with a higher weight than a room in the house, or the house with a misspelt street.
#   No threshold separates them.
# Versions: uk_address_matcher 1.5.3, duckdb 1.5.6, splink 4.0.17
# Date: 2026-12-01, the output under `expected`.
# Consequence: The number of the property (UPRN) that a matcher adds to an incident can be that of neighbours who have no
#   part in it. Look for such words before the match, and let no such UPRN link two records.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
13 Sample Road, Leeds           13 Sample Road, Leeds   exact
Room 4, 13 Sample Road, Leeds   13 Sample Road, Leeds   13
13 Sampel Road, Leeds           13 Sample Road, Leeds   20
opposite 13 Sample Road, Leeds  13 Sample Road, Leeds   32
outside 13 Sample Road, Leeds   13 Sample Road, Leeds   30
rear of 13 Sample Road, Leeds   13 Sample Road, Leeds   31
TEXT
python_packages uk_address_matcher==1.5.3 duckdb==1.5.6 splink==4.0.17 pandas==3.1.1
python_prints <<'PY'
import duckdb
import pandas
from uk_address_matcher import AddressMatcher

HOUSES = [f"{number} Sample Road, Leeds" for number in range(1, 30)]
PLACES = [
    "13 Sample Road, Leeds",
    "Room 4, 13 Sample Road, Leeds",
    "13 Sampel Road, Leeds",
    "opposite 13 Sample Road, Leeds",
    "outside 13 Sample Road, Leeds",
    "rear of 13 Sample Road, Leeds",
]


def table(addresses):
    rows = [(f"{position:03}", address, "LS1 4AB") for position, address in enumerate(addresses)]
    return connection.from_df(pandas.DataFrame(rows, columns=["unique_id", "address_concat", "postcode"]))


connection = duckdb.connect()
matcher = AddressMatcher(canonical_addresses=table(HOUSES), addresses_to_match=table(PLACES), con=connection)
for row in matcher.match().matches().df().sort_values("unique_id").itertuples():
    weight = "exact" if row.match_reason.startswith("exact") else f"{row.match_weight:.0f}"
    print(f"{row.original_address_concat:32}{row.original_address_concat_canonical:24}{weight}")
PY
