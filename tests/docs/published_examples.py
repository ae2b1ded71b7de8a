"""The published file of examples, read and opened."""

import json
from datetime import datetime
from typing import Any

from tests.docs import exchange_file
from tests.docs.example_keys import COUNCIL, TRUST
from trust.exchange.message import OpenedMessage, open_message
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

PUBLISHED: dict[str, Any] = json.loads(exchange_file.FILE.read_text(encoding="utf-8"))


NOW = datetime.fromisoformat(PUBLISHED["now"])


def signed(name: str) -> bytes:
    return PUBLISHED["signed"][name].encode()


def keys(entity: EntityId, use: KeyUse) -> KeySet:
    return KeySet.from_jwks(PUBLISHED["keys"][entity][use], use)


def opened_message() -> OpenedMessage:
    return open_message(signed("message"), sender_keys=keys(COUNCIL, KeyUse.MESSAGE), own_id=TRUST, now=NOW)
