"""The JSON form of a delivered message, from which every receiver starts.

Texts keep their words and line breaks. Control characters, terminal escapes, direction overrides and surrogates are
left out: neither XML nor every database can hold them, and a console would act on them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from adapters.contract import DeliveredMessage, SourceNonsense
from trust.claims import UNPRINTABLE

UNUSED_ID: Final = "hearthgate-check"
"""A message id that no sender uses: a check asks whether the case system holds it, which stores nothing."""
MAX_REF: Final = 200
_KEPT: Final = frozenset("\n\t")


def message_to_json(delivery: DeliveredMessage) -> dict[str, Any]:
    """Return the whole message with inert texts; the keys are those of :class:`DeliveredMessage`."""
    return {
        "message_id": delivery.message_id,
        "kind": delivery.kind,
        "topic": delivery.topic,
        "urgency": delivery.urgency,
        "received_at": delivery.received_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "from_agency": inert(delivery.from_agency),
        "from_service": delivery.from_service,
        "to_service": delivery.to_service,
        "reference": delivery.reference,
        "linked_ref": None if delivery.linked_ref is None else inert(delivery.linked_ref),
        "not_linked": delivery.not_linked,
        "document": _inert_value(delivery.document),
    }


def inert(text: str) -> str:
    """Return ``text`` without characters that act instead of showing."""
    if text.isprintable():
        return text
    return UNPRINTABLE.sub(lambda match: match[0] if match[0] in _KEPT else "", text.replace("\r\n", "\n"))


def in_batches(message_ids: Sequence[str], size: int) -> Iterator[list[str]]:
    """Yield the different ids in batches: databases and services limit the length of a list."""
    ids = list(dict.fromkeys(message_ids))
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def read_ref(value: object) -> str | None:
    """Return the case system's key as a text, or ``None`` if it is no usable one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= MAX_REF and text.isprintable() else None


def check_subset(answer: Sequence[str], message_ids: Sequence[str]) -> frozenset[str]:
    """Return a case system's list. Raises :class:`SourceNonsense` if it has an id that was not asked for."""
    if not frozenset(answer) <= frozenset(message_ids):
        raise SourceNonsense("The case system named messages that it was not asked about, so none of its list counts.")
    return frozenset(answer)


def _inert_value(value: object) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, Mapping):
        return {inert(str(name)): _inert_value(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [_inert_value(item) for item in value]
    return value
