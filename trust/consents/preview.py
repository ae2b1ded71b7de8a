"""Preview of the end of a consent: the flows that stop and those that go on, for the worker and for reading out.

1. A flow is one clause that lets a service of this agency ask or tell another, or be asked by it.
2. A flow stops where its clause rests on a role of the consent, for its purpose and recipient. Another clause between
   the same two services is a flow of its own.
3. The form for reading out names a flow that goes on only where its law is on a short list of ordinary welfare powers,
   it is not urgent, and neither service is the police's, nor the other agency's of an unknown kind. What is not listed
   is hidden by one sentence that always stands there, so that it tells nothing of child protection or of an
   investigation.
4. To an alleged perpetrator only what stops is read out: what goes on may be about others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trust.agreements.bodies import ANY, PublicBody, bodies_offering
from trust.agreements.clause import Clause
from trust.consents.record import Consent
from trust.identifiers import EntityId, ServiceRef

ALWAYS: Final = "Some services may still share what the law requires or allows without your consent."
"""It is read out in every case."""
NOTHING_STOPS: Final = "Nothing that is shared now stops."
_ORDINARY: Final = frozenset(
    {
        "6-1-a",
        "6-1-c",
        "6-1-e",
        "9-2-a",
        "9-2-b",
        "9-2-h",
        "ca1989-s17",
        "ca2004-s10",
        "careact2014-s6",
        "careact2014-s7",
        "dea2017-part5",
        "ha1996-s213b",
        "hsca2012-s251b",
        "wra2012-s130-131",
        "confidentiality.consent",
        "confidentiality.statute",
    }
)
"""Law that may be named to anyone: nothing here tells of child protection, crime or danger."""
_HIDDEN_BODIES: Final = frozenset({PublicBody.POLICE, PublicBody.JUSTICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One clause between two services. The kinds are ``None`` where they are not known."""

    asker: ServiceRef
    holder: ServiceRef
    asker_kind: str | None
    holder_kind: str | None
    agreement: str
    clause: Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The flows that stop and those that go on, and the sentences that are safe to read out to the person."""

    stops: tuple[Flow, ...]
    goes_on: tuple[Flow, ...]
    read_out: tuple[str, ...]


def preview(consent: Consent, flows: Iterable[Flow], *, names: dict[ServiceRef, str], own: EntityId) -> Preview:
    """Return what ends with a consent of the agency ``own``; ``names`` are what services are called."""
    every = tuple(flows)
    stops = tuple(flow for flow in every if rests_on(flow, consent))
    goes_on = tuple(flow for flow in every if not flow.clause.consent_roles)
    sentences = [_says(flow, names, "will stop") for flow in stops] or [NOTHING_STOPS]
    if not consent.giver.is_alleged_perpetrator:
        sentences += [_says(flow, names, "goes on") for flow in goes_on if _may_be_read_out(flow, own)]
    return Preview(stops=stops, goes_on=goes_on, read_out=(*dict.fromkeys(sentences), ALWAYS))


def rests_on(flow: Flow, consent: Consent) -> bool:
    """Say whether a flow rests on this consent."""
    if flow.clause.consent_roles.isdisjoint(consent.roles):
        return False
    return any(consent.covers(purpose=flow.clause.purpose, service=str(each)) for each in (flow.holder, flow.asker))


def _may_be_read_out(flow: Flow, own: EntityId) -> bool:
    services = ((flow.asker, flow.asker_kind), (flow.holder, flow.holder_kind))
    return (
        set(flow.clause.basis) <= _ORDINARY
        and not flow.clause.urgent
        and not any(_is_hidden(kind, is_own=service.entity == own) for service, kind in services)
    )


def _is_hidden(kind: str | None, *, is_own: bool) -> bool:
    """Say whether a service may not be named; another agency's of an unknown kind might be anyone's."""
    bodies = ANY if kind is None else bodies_offering(kind)
    return not is_own if bodies == ANY else not _HIDDEN_BODIES.isdisjoint(bodies)


def _says(flow: Flow, names: dict[ServiceRef, str], what: str) -> str:
    asker, holder = (names.get(each, each.service) for each in (flow.asker, flow.holder))
    return f"Sharing between {asker} and {holder} for {flow.clause.purpose.replace('-', ' ')} {what}."
