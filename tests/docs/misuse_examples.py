"""Make the examples of a query about misuse: the trust asks for the sender of the council's message."""

from datetime import timedelta

from tests.docs.example_keys import COUNCIL, NOW, TRUST, Keys
from trust.claims import digest
from trust.exchange.message import OpenedMessage
from trust.exchange.misuse import (
    LIFE,
    MisuseQuery,
    MisuseReply,
    MisuseState,
    NamedPractitioner,
    OpenedQuery,
    build_query,
    build_reply,
    due_by,
)
from trust.keys import KeyUse

_ASKED_AT = int((NOW + timedelta(minutes=2)).timestamp())
_TIMES = {"iat": _ASKED_AT, "exp": _ASKED_AT + int(LIFE.total_seconds())}


def misuse(keys: Keys, asked: OpenedMessage) -> dict[str, bytes]:
    """Make the holder's query about the council's message, and the replies before and after two people agreed."""
    query = MisuseQuery(
        iss=TRUST,
        aud=COUNCIL,
        **_TIMES,
        jti="q-5d18aa02",
        query="i-77b0c4e1",
        message=asked.ref,
        received_at=asked.message.iat,
        pseudonym=asked.message.practitioner.sub,
        reason="The team has no contact with Connecting Families about anybody at present.",
    )
    raw = build_query(query, keys.signer(TRUST, KeyUse.MESSAGE))
    named = NamedPractitioner(
        name="Rowan Ellerby",
        role="key-worker",
        org_unit="Family Hub East",
        contact="Information governance, 01632 960003",
    )
    signer, opened = keys.signer(COUNCIL, KeyUse.MESSAGE), OpenedQuery(query=query, digest=digest(raw))
    made = {
        f"misuse reply: {state}": build_reply(
            MisuseReply(
                iss=COUNCIL,
                aud=TRUST,
                **_TIMES,
                jti=f"a-{number}",
                query=query.query,
                request=opened.ref,
                state=state,
                due=None if state is MisuseState.UNKNOWN else int(due_by(NOW + timedelta(minutes=2)).timestamp()),
                practitioner=named if state is MisuseState.ANSWERED else None,
            ),
            signer,
        )
        for number, state in enumerate(MisuseState, 1)
    }
    return {"misuse query": raw, **made}
