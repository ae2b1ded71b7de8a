"""The hash chain of an administrators' journal.

A journal is lines of JSON objects. `previous` in each is the digest of the line before it, empty in the first. A line
may be signed with its administrator's own key: `signature` is a JWS over the digest of the line without it. A line that
is changed, left out, moved or inserted breaks the chain at the next one. A head that was kept elsewhere shows a journal
that was cut short.

Lines that were written before there was a chain have no `previous` and may stand at the beginning only.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from trust import claims, jose, strict_json
from trust.errors import Mismatch, TrustError
from trust.keys import KeySet, Signer
from trust.strict_json import JsonObject

TYP = "journal-entry+jwt"
MAX_LINE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What a whole journal proves: its lines, the digest of the last one, and of each.

    `unchained` are lines at the beginning from before there was a chain, which prove nothing.
    """

    digests: tuple[str, ...]
    unchained: int

    @property
    def head(self) -> str:
        """The digest of the last line, empty where there is none."""
        return self.digests[-1] if self.digests else ""


def build_entry(facts: JsonObject, *, previous: str, signer: Signer | None) -> bytes:
    """Return the line that follows the one with the digest `previous`, signed where its administrator has a key."""
    entry = {**facts, "previous": previous}
    if signer is not None:
        signed = jose.sign({"digest": claims.digest(strict_json.dumps(entry))}, typ=TYP, signer=signer)
        entry["signature"] = signed.decode("ascii")
    return json.dumps(entry, ensure_ascii=True).encode("ascii")


def verify_journal(lines: Iterable[bytes], *, keys: KeySet) -> Chain:
    """Verify the chain of a whole journal and the signatures by these administrators' keys.

    Raise Mismatch naming the first line that does not follow, or whose signature does not stand.
    """
    digests: list[str] = []
    unchained = 0
    for number, line in enumerate(lines, start=1):
        try:
            entry = strict_json.loads(line, max_bytes=MAX_LINE)
            if "previous" not in entry and unchained == len(digests):
                unchained += 1
            elif entry.get("previous") != (digests[-1] if digests else ""):
                raise Mismatch("it does not follow the line before it")
            _check_signature(entry, keys)
        except TrustError as refused:
            raise Mismatch(
                f"Line {number} of the journal is not as it was written: {refused.detail.rstrip('.')}."
            ) from refused
        digests.append(claims.digest(line))
    return Chain(digests=tuple(digests), unchained=unchained)


def _check_signature(entry: JsonObject, keys: KeySet) -> None:
    if "signature" not in entry:
        return
    raw = claims.require_str(entry, "signature").encode("ascii", "replace")
    opened = jose.open_signed(raw, typ=TYP, keys=keys)
    unsigned = {name: value for name, value in entry.items() if name != "signature"}
    if opened.claims.get("digest") != claims.digest(strict_json.dumps(unsigned)):
        raise Mismatch("its signature is over another entry")
