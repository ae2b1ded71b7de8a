"""Denials: the reasons for refusing a request before any search, in words that its reader can act on.

None of them depends on the person asked about, so all of them may be told to the asking agency plainly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from trust.exchange.kind import ClauseList, Kinds
from trust.exchange.kinds import KINDS
from trust.exchange.refusal import Refusal


class DenialCode(StrEnum):
    """The stable codes of refusals that any kind may meet, as they stand on the wire."""

    CALLER_IS_NOT_SENDER = "caller_is_not_sender"
    NOT_ADDRESSED_HERE = "not_addressed_here"
    UNSUPPORTED_KIND = "unsupported_kind"
    UNSUPPORTED_VERSION = "unsupported_version"
    TOKEN_DOES_NOT_COVER = "token_does_not_cover"  # noqa: S105 - a code about a token, not a token
    NO_AGREEMENT = "no_agreement"
    SERVICE_NOT_PARTY = "service_not_party"
    UNKNOWN_SERVICE = "unknown_service"
    AGREEMENT_DIGEST_MISMATCH = "agreement_digest_mismatch"
    AGREEMENT_NOT_IN_FORCE = "agreement_not_in_force"
    MARK_MISSING = "mark_missing"
    CLAUSE_UNKNOWN = "clause_unknown"
    KIND_NOT_COVERED = "kind_not_covered"
    PURPOSE_NOT_COVERED = "purpose_not_covered"
    SERVICE_NOT_COVERED = "service_not_covered"
    ROLE_NOT_PERMITTED = "role_not_permitted"
    BASIS_MISMATCH = "basis_mismatch"
    GROUND_NOT_PERMITTED = "ground_not_permitted"
    CONSENT_RECORD_MISSING = "consent_record_missing"
    CONSENT_NOT_VALID = "consent_not_valid"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    MALFORMED_BODY = "malformed_body"
    RECIPIENT_CONFLICT = "recipient_conflict"
    RECIPIENT_KIND = "recipient_kind_not_permitted"
    RECIPIENT_NOT_CHOSEN = "recipient_not_chosen"
    BASIS_NOT_OPEN = "basis_not_open_to_sender"
    NO_PERSON_PERMITTED = "no_person_permitted"
    FIELDS_INCOMPLETE = "fields_incomplete"
    PLACE_IN_TEXT = "place_in_text"
    LOCAL_POLICY = "local_policy"
    OVER_BUDGET = "over_budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A refusal: a stable code, why, and what the asker can do.

    ``code`` is a :class:`DenialCode` or that of a list of the kind's clauses (:class:`trust.exchange.kind.ClauseList`).
    ``supported_versions`` is given only where the version was the reason.
    """

    code: str
    reason: str
    remedy: str
    supported_versions: tuple[int, ...] = ()

    def about(self, ref: str) -> "Denial":
        """Return the denial with the person of the message that it concerns, by their reference and no name."""
        return replace(self, reason=f"{self.reason} It concerns {ref}.")

    @property
    def refusal(self) -> Refusal:
        """What stands in the reply."""
        return Refusal(
            code=str(self.code), reason=self.reason, remedy=self.remedy, supported_versions=self.supported_versions
        )


SENTENCES: Mapping[DenialCode, tuple[str, str]] = MappingProxyType(
    {
        DenialCode.CALLER_IS_NOT_SENDER: (
            "The agency that called is not the one that signed the message.",
            "Send each message from the node that signed it, with that node's own access token.",
        ),
        DenialCode.NOT_ADDRESSED_HERE: (
            "The message is addressed to another agency.",
            "Send it to the node that its aud names.",
        ),
        DenialCode.UNSUPPORTED_KIND: (
            "This node does not take part in that kind of exchange.",
            "Look at the kinds_supported in this node's published metadata.",
        ),
        DenialCode.UNSUPPORTED_VERSION: (
            "This node does not speak that version of the exchange.",
            "Send one of the supported versions, or bring the older node up to date.",
        ),
        DenialCode.TOKEN_DOES_NOT_COVER: (
            "The access token was not issued for this agreement, purpose and kind of exchange.",
            "Ask this node for a token whose authorization_details name them.",
        ),
        DenialCode.NO_AGREEMENT: (
            "No data-sharing agreement covers this request.",
            "Ask both agencies' information-governance officers to sign one; in an emergency ring the service.",
        ),
        DenialCode.SERVICE_NOT_PARTY: (
            "The asking service is not a party to the agreement.",
            "Have the agreement changed to name the service, or ask from a service that it names.",
        ),
        DenialCode.UNKNOWN_SERVICE: (
            "The agreement names no such service at the agency that was asked.",
            "Look at the services in the agency's published metadata and in the agreement.",
        ),
        DenialCode.AGREEMENT_DIGEST_MISMATCH: (
            "The two agencies hold different wordings of the agreement.",
            "Compare the digests of the two documents and install the wording that every party signed.",
        ),
        DenialCode.AGREEMENT_NOT_IN_FORCE: (
            "The agreement is not in force.",
            "Ask the parties' information-governance officers to sign or renew it.",
        ),
        DenialCode.MARK_MISSING: (
            "The agreement requires a trust mark that is not held, or not any more.",
            "Ask the authority whose address the mark begins with to issue or renew it.",
        ),
        DenialCode.CLAUSE_UNKNOWN: (
            "The agreement has no clause of that name.",
            "Name a clause of the agreement's current version.",
        ),
        DenialCode.KIND_NOT_COVERED: (
            "The agreement does not permit this kind of exchange here.",
            "Look for a clause for this kind of exchange, or have one agreed.",
        ),
        DenialCode.PURPOSE_NOT_COVERED: (
            "The agreement does not permit sharing for this purpose.",
            "State the purpose that truly applies; if no clause covers it, have one agreed.",
        ),
        DenialCode.SERVICE_NOT_COVERED: (
            "The clause does not let the asking service ask the service that was asked.",
            "Look for a clause that names both services, or have one agreed.",
        ),
        DenialCode.ROLE_NOT_PERMITTED: (
            "The agreement does not let this role ask.",
            "Have someone ask whose role the clause names.",
        ),
        DenialCode.BASIS_MISMATCH: (
            "The legal basis that the request states is not the one the clause rests on.",
            "State the clause's own basis, all of it and nothing else.",
        ),
        DenialCode.GROUND_NOT_PERMITTED: (
            "The ground that the message states does not permit sharing without an agreement.",
            "State a ground of the legal register that is in force and permits it, or have an agreement signed.",
        ),
        DenialCode.CONSENT_RECORD_MISSING: (
            "The clause rests on the person's consent, and the request shows no record of it.",
            "Ask the person and record it, then ask again with the record: roles, day, form, and where it is filed.",
        ),
        DenialCode.CONSENT_NOT_VALID: (
            "The record of the person's consent does not support this clause.",
            "Ask the person again and record it. Consent to work with a service is not consent to share.",
        ),
        DenialCode.CONSENT_WITHDRAWN: (
            "The person has withdrawn the consent that the clause rests on, or it has run out.",
            "Ask under a clause that rests on no consent. Ask the person again only where they wish it.",
        ),
        DenialCode.MALFORMED_BODY: (
            "The body of the request is not what its kind and version say.",
            "Correct the members that are named and send a new message.",
        ),
        DenialCode.RECIPIENT_CONFLICT: (
            "An alleged perpetrator works at the service that was to receive this.",
            "Send it to the service's alternate, or ring that agency's designated officer.",
        ),
        DenialCode.RECIPIENT_KIND: (
            "This may not go to a service of the recipient's kind.",
            "Send it to a service of a kind that may receive it.",
        ),
        DenialCode.RECIPIENT_NOT_CHOSEN: (
            "The person chose another authority than the one that was to receive this.",
            "Send it to the authority that the person chose, or ask the person again and record their choice.",
        ),
        DenialCode.BASIS_NOT_OPEN: (
            "The sending service cannot rely on all of the law that the clause rests on.",
            "Send it under a clause whose basis is open to the service.",
        ),
        DenialCode.NO_PERSON_PERMITTED: (
            "The clause gives this role none of the persons that the message is about.",
            "Send it under a clause that grants their parts, or ring the service.",
        ),
        DenialCode.FIELDS_INCOMPLETE: (
            "What the clause gives this role is not enough for a message of this kind.",
            "Write a statement that is about permitted persons only, or send it under a clause that grants the fields.",
        ),
        DenialCode.PLACE_IN_TEXT: (
            "A text tells where a person lives whose place is restricted.",
            "Take it out where it stands. The recipient is given the number of a neutral desk.",
        ),
        DenialCode.LOCAL_POLICY: (
            "The agency that was asked has withdrawn this service, clause or role from exchange.",
            "Ring the agency's information-governance officer.",
        ),
        DenialCode.OVER_BUDGET: (
            "More was asked lately than the agency that was asked answers, for this practitioner, agency or person.",
            "Come back later; if a person may be in danger, ring the service, or ask under an urgent clause.",
        ),
    }
)
"""Code -> (why, what to do)."""


def deny(code: DenialCode, *, detail: str = "", supported_versions: tuple[int, ...] = ()) -> Denial:
    """Return the denial of that code; ``detail`` is a further sentence about the request, never about the person."""
    reason, remedy = SENTENCES[code]
    return Denial(code=code, reason=f"{reason} {detail}".rstrip(), remedy=remedy, supported_versions=supported_versions)


def deny_unlisted(clause_list: ClauseList, *, detail: str = "") -> Denial:
    """Return the denial of a query whose words the clause's list does not hold."""
    return Denial(code=clause_list.code, reason=f"{clause_list.reason} {detail}".rstrip(), remedy=clause_list.remedy)


def sentences(kinds: Kinds = KINDS) -> Mapping[str, tuple[str, str]]:
    """Return code -> (why, what to do), with the codes of these kinds."""
    lists = (each for kind in kinds.values() for each in kind.clause_lists)
    return {str(code): words for code, words in SENTENCES.items()} | {
        each.code: (each.reason, each.remedy) for each in lists
    }
