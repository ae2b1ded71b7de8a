"""Flags of possible misuse: list the open ones, and record a review."""

from collections.abc import Mapping

from config.settings import NodeSettings
from gateway.accountability.access_alerts import ASKED_ABOUT_WATCHED, LOOKED_UP, WatchReason
from gateway.accountability.break_glass import ASKED_BY_BREAK_GLASS, BREAK_GLASS, UNREVIEWED
from gateway.accountability.enumeration import ABSENCES, NEW_PRACTITIONERS, OVER_BASELINE
from gateway.accountability.rate_limits import OVER_BUDGET, UNJUSTIFIED
from gateway.administration.administrators import current, persons
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.delivery.receipts import POSSIBLE_BREACH
from gateway.delivery.reconciliation import MESSAGE_MISSING
from gateway.exchange.inbound_evidence import ID_REUSED
from gateway.exchange.query_log import own_name
from gateway.ports import Store
from gateway.sharing.reviews import REVIEW_OVERDUE, SHARING_UNREVIEWED
from gateway.sharing.tasks import TASK_LAPSED
from gateway.store.tables import flags
from gateway.store.tables.flags import Flag, FoldedFlag
from trust.agreements.enumeration import Pattern

MEANINGS: Mapping[str, str] = {
    OVER_BUDGET: "asked or sent more than the budgets of this node allow",
    OVER_BASELINE: "asked far more than others in the same role",
    ABSENCES: "asked about far more people without a record here than usual",
    NEW_PRACTITIONERS: "asked by far more practitioners never seen before than usual",
    ID_REUSED: "sent another message under an id that it had used before",
    MESSAGE_MISSING: "has a receipt of this node for a message that is not here: ask it for the message again",
    POSSIBLE_BREACH: "closed a message as for the wrong person or service: assess it as a breach within 72 hours",
    REVIEW_OVERDUE: "has decisions on sharing whose review is late: see `hearthgate sharing list --overdue`",
    SHARING_UNREVIEWED: "shared without an agreement, and no second person reviewed it within 72 hours",
    TASK_LAPSED: "let questions lapse that it was to share without an agreement, or to record why not",
    BREAK_GLASS: "used break-glass: see `hearthgate break-glass list`",
    UNREVIEWED: "used break-glass that was not reviewed within 72 hours; it is suspended for this person until it is",
    ASKED_BY_BREAK_GLASS: "asked this agency by break-glass: ask them why, if your record does not show an emergency",
    LOOKED_UP[WatchReason.COLLEAGUE]: "looked up a colleague: ask them and their manager why",
    LOOKED_UP[WatchReason.RELATIVE]: "looked up a relative of their own: ask them and their manager why",
    LOOKED_UP[WatchReason.MARKED]: "looked up a record that this agency has marked: ask them and their manager why",
    ASKED_ABOUT_WATCHED: "asked about a colleague of this agency or a record that it has marked: ask them why",
    UNJUSTIFIED: "asked something that the manager could not justify",
    Pattern.NEIGHBOURING_NUMBERS: "asked about people whose numbers follow one another",
    Pattern.ONE_NAME: "asked about many people of one name",
    Pattern.NAME_BIRTH_DATES: "asked with many birth dates for one name",
    Pattern.ADDRESS_BIRTH_DATES: "asked with many birth dates for one address",
    Pattern.POSTCODE_BIRTH_DATES: "asked with many birth dates for one postcode",
    Pattern.PERSON_DESCRIPTIONS: "described one person in many ways",
    Pattern.PERSON_ADDRESSES: "gave one person many addresses",
}
"""What each code of a flag means."""
_SHOWN = 5
"""Askers of one agency that are listed by name."""


def list_flags(settings: NodeSettings) -> UseCaseResult:
    """List open flags, the latest first, those of one agency and code as one."""
    with opened_store(settings) as store:
        folded = flags.fold(store.read(flags.list_open))
    return UseCaseResult(
        lines=[line for each in folded for line in _lines(each)] or ["There is nothing to review."],
        data={"flags": [_to_json(each) for each in folded]},
    )


def plan_review(settings: NodeSettings, code: str, asker: str, *, finding: str) -> ChangePlan:
    """Plan to close the flags of a code that concern an asker; an agency alone stands for all its practitioners.

    Raises :class:`OperationRefused` where there is none, or one concerns the administrator.
    """
    with opened_store(settings) as store:
        effect = [line for each in flags.fold(_reviewable(settings, store, code, asker)) for line in _lines(each)]

    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            askers = sorted({each.asker for each in _reviewable(settings, store, code, asker)})
            by = record(settings, "flag review", code=code, asker=asker, finding=finding)
            count = store.write(lambda tx: sum(flags.review(tx, code=code, asker=a, by=by, at=now()) for a in askers))
        return UseCaseResult(
            lines=[f"The flag is closed. Finding: {finding}"], data={"code": code, "asker": asker, "taken_down": count}
        )

    return ChangePlan(effect=effect, question="Close it?", apply=apply)


def flag_name(settings: NodeSettings, client_id: str, practitioner: str) -> UseCaseResult:
    """Show the name under which a user of a case system would stand in a flag."""
    asker = f"{client_id} {own_name(node_vault(settings).evidence_hmac_key(), client_id, practitioner)}"
    return UseCaseResult(lines=[f'"{asker}"'], data={"asker": asker})


def _reviewable(settings: NodeSettings, store: Store, code: str, asker: str) -> list[Flag]:
    matching = [
        each for each in store.read(flags.list_open) if each.code == code and asker in {each.asker, each.agency}
    ]
    if not matching:
        raise OperationRefused("No such flag is open; `hearthgate flag list` shows those that are.")
    key, administrator = node_vault(settings).evidence_hmac_key(), _sign_in_ids(settings)
    for each in {flag.asker for flag in matching}:
        client_id, _, pseudonym = each.partition(" ")
        if pseudonym in {own_name(key, client_id, person) for person in administrator}:
            raise OperationRefused("This flag concerns you; another administrator reviews it.")
    return matching


def _sign_in_ids(settings: NodeSettings) -> tuple[str, ...]:
    """Return the ids that the administrator may have as a practitioner: their accounts, alone and at each provider."""
    accounts = persons(current(settings).name)
    issuers = (each.issuer for each in settings.identity.providers)
    return *accounts, *(f"{issuer}#{account}" for issuer in issuers for account in accounts)


def _lines(folded: FoldedFlag) -> list[str]:
    times = "once" if folded.count == 1 else f"{folded.count} times"
    days = sorted(each.day for each in folded.flags)
    when = f"on {days[0]}" if days[0] == days[-1] else f"from {days[0]} to {days[-1]}"
    more = len(folded.askers) - _SHOWN
    return [
        f"{folded.code}: {MEANINGS[folded.code]}",
        *(f'  "{asker}"' for asker in folded.askers[:_SHOWN]),
        *([f'  and {more} more of "{folded.agency}"'] if more > 0 else []),
        f"  {times} {when}, last at {max(each.last_at for each in folded.flags):%H:%M} UTC",
    ]


def _to_json(folded: FoldedFlag) -> dict[str, object]:
    return {
        "code": folded.code,
        "agency": folded.agency,
        "count": folded.count,
        "askers": [
            {
                "asker": each.asker,
                "day": each.day,
                "count": each.count,
                "first_at": each.first_at.isoformat(),
                "last_at": each.last_at.isoformat(),
            }
            for each in folded.flags
        ],
    }
