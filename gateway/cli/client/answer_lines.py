"""Answers of the case API as lines for people: each service, its duty line, and each law once."""

from collections.abc import Mapping
from typing import Any

from trust.agreements.denial import SENTENCES, DenialCode

_NO_CONSENT = SENTENCES[DenialCode.CONSENT_RECORD_MISSING][0]
_RING = frozenset({"no_reply", "refused", "review", "nothing_to_share"})


def lines_of(document: Mapping[str, Any]) -> list[str]:
    """Return a lookup's or a benefit question's answer; a law that several services name stands at the end, once."""
    laws = list(dict.fromkeys(line["law"] for line in document["answers"] if line.get("law")))
    lines = [text for line in document["answers"] for text in _service(line, laws)]
    lines += [f"Not used: {each['member']} {each['reason']}." for each in document.get("left_out", [])]
    if any(str(line.get("reason", "")).startswith(_NO_CONSENT) for line in document["answers"]):
        lines.append("Ask again with --consent once the person has consented and it is on record.")
    lines += [f"[{number}] {law}" for number, law in enumerate(laws, start=1)]
    return [*lines, f"{document['summary']}.", str(document["emergency"])]


def _service(line: Mapping[str, Any], laws: list[str]) -> list[str]:
    law = f" [{laws.index(line['law']) + 1}]" if line.get("law") else ""
    lines = [f"{line['service_name']} ({line['organisation']}): {line['status']}{law}"]
    lines += [f"  {_involvement(each)}" for each in line.get("involvements", [])]
    if "answer" in line:
        lines.append(f"  {line['answer']}, as of {line['as_of']}")
    lines += [f"  {line[name]}" for name in ("reason", "note") if line.get(name)]
    if line.get("settle"):
        lines.append(f"  To settle it, ask again with: {', '.join(line['settle'])}.")
    duty = line.get("duty_phone")
    if duty and line["status"] in _RING and duty not in str(line.get("note", "")):
        lines.append(f"  Its duty line is {duty}.")
    return lines


def _involvement(involvement: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {said}" for name, said in involvement.items())
