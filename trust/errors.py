"""Name every refusal of the trust layer, grouped by who is to blame for it.

`code` is stable and may stand on the wire; `detail` is one plain English sentence that says what is wrong and, where
the reader can act on it, what to do. Neither ever carries personal data: what came from outside is repeated through
`shown` only.
"""

import re
from typing import ClassVar

_MEMBER = re.compile(r"[a-z][A-Za-z_]{0,39}")
_SHOWABLE = re.compile(r"[A-Za-z0-9_.:/#@+-]{1,80}")


def shown(unverified: object) -> str:
    """Return a name from outside in quotes if it is a harmless identifier, and otherwise say that it is not one."""
    if isinstance(unverified, str) and _SHOWABLE.fullmatch(unverified):
        return f"'{unverified}'"
    return "(a value that is not a plain identifier)"


def shown_member(name: str) -> str:
    """Return the name of a JSON member as a refusal may repeat it: as it is where it looks like one that a program has.

    An error therefore never repeats a person's name or number that was put in the place of a member's name.
    """
    return name if _MEMBER.fullmatch(name) else "(a member whose name is not plain)"


class TrustError(Exception):
    """Refuse something, with a stable code and one sentence for the reader.

    `statement` and `rule` say which statement of a chain it is about and which rule of the standard refuses it; they
    are empty where the refusal is about something else.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.statement = ""
        self.rule = ""

    def place(self, *, statement: str, rule: str) -> None:
        """Name the statement and the rule, in the sentence too; what was named first, nearest to the fault, stands."""
        if not self.statement:
            self.statement, self.rule = statement, self.rule or rule
            self.detail = f"{statement}: {self.detail} ({self.rule})"
            self.args = (self.detail,)


class MalformedInput(TrustError):
    """The bytes are not what the standard says they should be."""

    code = "malformed"


class MalformedJson(MalformedInput):
    """The bytes are not one strict JSON document (RFC 8259, and RFC 7493 where that is narrower)."""

    code = "malformed_json"


class MalformedToken(MalformedInput):
    """The bytes are not one compact JWS of the shape we accept (RFC 7515 section 7.1)."""

    code = "malformed_token"


class MalformedClaims(MalformedInput):
    """A claim or member is missing, of the wrong type or outside its bounds; the sentence names it."""

    code = "malformed_claims"


class TooLarge(MalformedInput):
    """The input is larger, longer or more deeply nested than its cap."""

    code = "too_large"


class Unverified(TrustError):
    """The signature does not stand, or its key, algorithm, header or type may not be used here."""

    code = "unverified"


class UnknownKey(Unverified):
    """No trusted key has the key id in the header."""

    code = "unknown_key"


class BadSignature(Unverified):
    """The signature is not one of these bytes by this key."""

    code = "bad_signature"


class ForbiddenAlgorithm(Unverified):
    """The algorithm is not allowed, or is not the one its key is for."""

    code = "forbidden_algorithm"


class ForbiddenHeader(Unverified):
    """The header holds a parameter outside the allow-list, such as a key or an address to fetch one from."""

    code = "forbidden_header"


class Undecryptable(Unverified):
    """It is not encrypted for this key, or not as it was made."""

    code = "undecryptable"


class WrongType(Unverified):
    """The `typ` is not exactly the one expected here, so this is another kind of JWT."""

    code = "wrong_type"


class Untimely(TrustError):
    """The times do not allow it to be used now."""

    code = "untimely"


class Expired(Untimely):
    """Its `exp` has passed."""

    code = "expired"


class NotYetValid(Untimely):
    """It is dated further ahead than clocks may differ."""

    code = "not_yet_valid"


class TooOld(Untimely):
    """It was made longer ago than may be accepted."""

    code = "too_old"


class LivesTooLong(Untimely):
    """Its `exp` lies further after its `iat` than the rule for its type allows."""

    code = "lives_too_long"


class Misaddressed(TrustError):
    """It is genuine, but from or for another party."""

    code = "misaddressed"


class WrongAudience(Misaddressed):
    """It is addressed to someone or something else."""

    code = "wrong_audience"


class WrongIssuer(Misaddressed):
    """It was issued by someone else than the one it should come from."""

    code = "wrong_issuer"


class Untrusted(TrustError):
    """No trusted anchor vouches for it."""

    code = "untrusted"


class NoChain(Untrusted):
    """There is no chain of statements from the entity to one of our anchors."""

    code = "no_chain"


class ChainRefused(Untrusted):
    """There is a chain, but a rule refuses it; the sentence names the statement and the rule."""

    code = "chain_refused"


class PolicyConflict(ChainRefused):
    """A superior's policy for metadata is not one, or cannot stand together with that of another superior."""

    code = "policy_conflict"


class MetadataRefused(ChainRefused):
    """The metadata is not as the superiors' policy demands; `parameter` and `operator` say what was demanded of it."""

    code = "metadata_refused"

    def __init__(self, detail: str, *, parameter: str = "", operator: str = "") -> None:
        super().__init__(detail)
        self.parameter = parameter
        self.operator = operator


class RolledBack(ChainRefused):
    """The statement is older than one already accepted."""

    code = "rolled_back"


class MarkRefused(Untrusted):
    """A trust mark does not count for its bearer under this anchor; the sentence names the mark and the rule."""

    code = "mark_refused"


class KeyPurposeMismatch(Untrusted):
    """One key stands in for two purposes, or a key set is used for another purpose than its own."""

    code = "key_purpose_mismatch"


class Mismatch(TrustError):
    """It is genuine and timely, but belongs to another request, token or resource than the one it came with."""

    code = "mismatch"


class ExchangeRefused(TrustError):
    """The rules of the exchange itself refuse it; the exchange modules add the reasons."""

    code = "exchange_refused"
