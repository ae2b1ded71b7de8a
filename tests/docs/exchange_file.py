"""Write the examples of the exchange profile into a file and the pages: `python -m tests.docs.exchange_file`.

With the argument `queued` it writes those of alerts, referrals, notices and receipts, else all others.
"""

import json
import re
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.docs.example_keys import ANCHOR, COUNCIL, NOW, TRUST
from tests.docs.exchange_examples import BODIES, make
from tests.docs.exchange_queued_examples import make_queued
from tests.docs.pages import DOCS, profile_pages
from tests.docs.showing import pretty, shown
from trust import strict_json
from trust.keys import KeyUse

FILE = DOCS / "exchange-examples.json"
QUEUED_FILE = DOCS / "exchange-queued-examples.json"
_PUBLISHED = (KeyUse.FEDERATION, KeyUse.MESSAGE, KeyUse.OAUTH, KeyUse.RECOVERY)


def write() -> None:
    """Write the file of examples and the blocks of the profile."""
    made = make()
    document = {
        "about": "The examples of docs/exchange-profile as exact bytes. Verify them with these keys, at `now`.",
        "now": NOW.isoformat().replace("+00:00", "Z"),
        "keys": {
            entity: {use: made.keys.public(entity, use).to_jwks() for use in _PUBLISHED}
            for entity in (ANCHOR, COUNCIL, TRUST)
        },
        "agreement": made.agreement.decode(),
        "leaf": made.leaf.decode(),
        "signed": {name: raw.decode("ascii") for name, raw in made.signed.items()},
    }
    FILE.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fill(shown_examples(document))


def write_queued() -> None:
    """Write the file of queued examples and their blocks of the profile."""
    document = make_queued()
    QUEUED_FILE.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fill(shown_queued(document))


def fill(examples: Mapping[str, str]) -> None:
    """Put the examples into the pages."""
    for path in profile_pages():
        path.write_text(filled(path.read_text(encoding="utf-8"), examples), encoding="utf-8")


def filled(text: str, examples: Mapping[str, str]) -> str:
    """Put the examples into the blocks of a page."""
    for name, example in examples.items():
        pattern = rf"(<!-- example: {re.escape(name)} -->\n```json\n).*?(^```$)"
        text = re.sub(pattern, partial(_around, example), text, flags=re.MULTILINE | re.DOTALL)
    return text


def _around(example: str, found: re.Match[str]) -> str:
    return f"{found[1]}{example}\n{found[2]}"


def shown_examples(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what each block of the profile must show."""
    signed = {name: shown(compact) for name, compact in document["signed"].items()}
    bodies = {name: pretty(body) for name, body in BODIES.items()}
    leaf = pretty(strict_json.loads(document["leaf"].encode(), max_bytes=65_536))
    return {**signed, **bodies, "agreement": document["agreement"], "leaf": leaf}


def shown_queued(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what each block of queued examples must show."""
    return {name: shown(compact) for name, compact in document["signed"].items()}


if __name__ == "__main__":
    if sys.argv[1:] == ["queued"]:
        write_queued()
    else:
        write()
