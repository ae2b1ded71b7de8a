"""One entry of the legal register: a rule, its enactment, its commencement for each purpose, and its extent.

1. *Enacted* and *commenced* are apart: an Act that was passed binds no agency before a day is appointed.
2. Commencement may differ by purpose: each :class:`Commencement` names the bodies that it is for.
3. A day that was only announced is `announced`, and counts as no day.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from trust.agreements.bodies import ANY, PUBLIC_AUTHORITIES, PublicBody
from trust.strict_json import JsonObject

TO_BE_CONFIRMED = "to be confirmed"


class LegalPart(StrEnum):
    """The part of an entry in the justification of a disclosure."""

    LAWFUL_BASIS = "lawful basis"
    SPECIAL_CATEGORY = "special category condition"
    CONDITION = "condition in domestic law"
    POWER = "power or duty to share"
    SAFEGUARD = "limit or duty on those who share"
    CONFIDENTIALITY = "ground for setting confidentiality aside"


class UkNation(StrEnum):
    """A part of the United Kingdom to which a law may apply. The values stand in agreements."""

    ENGLAND = "england"
    WALES = "wales"
    SCOTLAND = "scotland"
    NORTHERN_IRELAND = "northern-ireland"


UNITED_KINGDOM = frozenset(UkNation)
GREAT_BRITAIN = UNITED_KINGDOM - {UkNation.NORTHERN_IRELAND}
ENGLAND_AND_WALES = frozenset({UkNation.ENGLAND, UkNation.WALES})
NO_BODY: frozenset[PublicBody] = frozenset()
"""The bodies of a provision that only lets ministers make regulations: no service relies on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commencement:
    """The coming into force of a rule for one `purpose`, which `bodies` have.

    `on` is `None` where no day is appointed; `announced` is a day that was named elsewhere than in an instrument.
    """

    on: date | None
    purpose: str = "all purposes"
    bodies: frozenset[PublicBody] = ANY
    by: str = ""
    announced: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalEntry:
    """One citable rule. ``title`` reads well after "under"; ``power`` is what the rule permits or requires.

    ``bodies`` are the kinds of body that ``relied_on_by`` describes, read widely: a kind that the words may include is
    among them. Where it is ``exclusive``, a service that another kind of body may offer cannot cite it for what it
    sends. ``consent_needed`` means that this rule fails without the person's consent, even if other rules apply.
    ``enacted`` is ``None`` for the common law. ``extent`` is where the rule applies. ``policy_document`` means that it
    holds only where the controller has an appropriate policy document. ``confirmed`` is counsel's confirmation.
    """

    code: str
    part: LegalPart
    title: str
    power: str
    relied_on_by: str
    consent_needed: bool
    enacted: date | None
    commencements: tuple[Commencement, ...]
    source: str
    confirmed: bool
    extent: frozenset[UkNation] = UNITED_KINGDOM
    bodies: frozenset[PublicBody] = ANY
    exclusive: bool = False
    policy_document: bool = False

    @property
    def begins(self) -> date:
        """The first day on which it existed: enacted, or for the common law in force."""
        return self.enacted or min(each.on for each in self.commencements if each.on is not None)

    @property
    def in_force_from(self) -> date | None:
        """The day from which a body that it is for may rely on it; ``None`` where none is appointed."""
        return self.commenced_for(self.bodies)

    def commenced_for(self, bodies: frozenset[PublicBody]) -> date | None:
        """Return the first day on which it is in force for one of these bodies."""
        days = [each.on for each in self.commencements if each.on is not None and each.bodies & bodies]
        return min(days, default=None)

    def in_force(self, on: date) -> bool:
        """Say whether a body that it is for may rely on it on a day."""
        return self.in_force_from is not None and self.in_force_from <= on

    def to_json(self) -> JsonObject:
        """Return every fact of the entry, for its digest and for machines."""
        return {
            "code": self.code,
            "part": self.part,
            "title": self.title,
            "power": self.power,
            "relied_on_by": self.relied_on_by,
            "bodies": sorted(self.bodies),
            "exclusive": self.exclusive,
            "consent_needed": self.consent_needed,
            "policy_document": self.policy_document,
            "extent": [nation for nation in UkNation if nation in self.extent],
            "enacted": self.enacted.isoformat() if self.enacted else None,
            "commencements": [_commencement_json(each) for each in self.commencements],
            "source": self.source,
            "confirmed": self.confirmed,
        }


def _commencement_json(commencement: Commencement) -> JsonObject:
    return {
        "on": commencement.on.isoformat() if commencement.on else None,
        "purpose": commencement.purpose,
        "bodies": sorted(commencement.bodies),
        "by": commencement.by,
        "announced": commencement.announced.isoformat() if commencement.announced else None,
    }


ANY_CONTROLLER = "any controller"
PUBLIC = "public authorities"
NOT_PUBLIC = "controllers that are not public authorities"
COUNCILS = "local authorities"
COUNCILS_AND_ASKED = "local authorities and those they ask"
COUNCILS_AND_PARTNERS = "local authorities and their relevant partners"
POLICE_FORCES = "police forces"
_COUNCIL = frozenset({PublicBody.LOCAL_AUTHORITY})
_POLICE = frozenset({PublicBody.POLICE})
_BODIES = {
    COUNCILS: _COUNCIL,
    NOT_PUBLIC: ANY - PUBLIC_AUTHORITIES,
    POLICE_FORCES: _POLICE,
    "police and other competent authorities": frozenset({PublicBody.POLICE, PublicBody.JUSTICE, PublicBody.GOVERNMENT}),
    "local authorities, police, health bodies and others listed": PUBLIC_AUTHORITIES,
    "relevant bodies": PUBLIC_AUTHORITIES,
    "responsible authorities and those with a duty to co-operate": PUBLIC_AUTHORITIES | {PublicBody.HOUSING},
    "specified public authorities in England": frozenset(
        {PublicBody.LOCAL_AUTHORITY, PublicBody.HEALTH, PublicBody.JUSTICE, PublicBody.GOVERNMENT}
    ),
    "health and adult social care commissioners and providers": frozenset(
        {PublicBody.HEALTH, PublicBody.LOCAL_AUTHORITY, PublicBody.OTHER}
    ),
    "the Secretary of State, local authorities and others prescribed": frozenset(
        {PublicBody.GOVERNMENT, PublicBody.LOCAL_AUTHORITY, PublicBody.HOUSING}
    ),
    "relevant partners of local authorities": PUBLIC_AUTHORITIES,
    "named person services and relevant authorities": PUBLIC_AUTHORITIES,
    "councils, police, health boards and other public bodies listed": PUBLIC_AUTHORITIES,
    "Health and Social Care trusts": frozenset({PublicBody.HEALTH}),
    "Health and Social Care trusts and those they ask": ANY,
    PUBLIC: PUBLIC_AUTHORITIES | {PublicBody.HOUSING},  # some housing providers are public; Body has one kind for all
}
"""Kinds of body that the words in ``relied_on_by`` describe; any body for words that are not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law, and what its entries share: ``on`` is the day from which they may be relied on, by an instrument.

    ``commencements`` are given in place of ``on`` where there are several, or where no day is appointed.
    """

    name: str
    enacted: date | None
    on: date | None = None
    by: str = ""
    commencements: tuple[Commencement, ...] = ()
    confirmed: bool = True
    source: str = ""
    extent: frozenset[UkNation] = UNITED_KINGDOM

    def entry(
        self, code: str, where: str, power: str, relied_on_by: str, part: LegalPart = LegalPart.POWER
    ) -> LegalEntry:
        """Return the entry of one rule of this law."""
        title = f"{self.name} {where}".strip()
        bodies = _BODIES.get(relied_on_by, ANY)
        alone = Commencement(on=self.on, purpose=relied_on_by, bodies=bodies, by=self.by)
        return LegalEntry(
            code=code,
            part=part,
            title=title,
            power=power,
            relied_on_by=relied_on_by,
            bodies=bodies,
            consent_needed=False,
            enacted=self.enacted,
            commencements=self.commencements or (alone,),
            source=self.source or title,
            confirmed=self.confirmed,
            extent=self.extent,
        )


def with_consent(entry: LegalEntry) -> LegalEntry:
    """Return the entry as one that fails without the person's consent."""
    return replace(entry, consent_needed=True)


def with_policy(entry: LegalEntry) -> LegalEntry:
    """Return the entry as one that holds only with an appropriate policy document."""
    return replace(entry, policy_document=True)


def exclusive(entry: LegalEntry) -> LegalEntry:
    """Return the entry as one that only bodies of its kinds may cite for what they send."""
    return replace(entry, exclusive=True)
