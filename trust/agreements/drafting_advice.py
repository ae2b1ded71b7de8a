"""Advice on drafting: what the ICO's data sharing code, WASPI and the Caldicott principles ask of each part.

It stands beside a fault, and as questions about a draft without faults. Sources: the data sharing code of practice of
the ICO (2021), the Wales Accord on the Sharing of Personal Information (WASPI), the Caldicott principles (2020).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.agreements.lawful_basis import LegalPart, lookup
from trust.exchange.kind import join_words
from trust.exchange.kinds import KINDS
from trust.exchange.persons import Part

_CODE: Final = "ICO data sharing code"
_WASPI: Final = "WASPI"
_CALDICOTT: Final = "Caldicott principle"
_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "id": f"{_CODE}: keep one register of agreements; give each a name that never changes.",
        "version": f"{_CODE}: number each wording, so that every party knows which one it signed.",
        "title": f"{_WASPI}: say in the title who shares, and for what.",
        "purposes": f"{_CODE}: state each aim of the sharing in words that the people concerned would recognise.",
        "parties": f"{_CODE}: name every organisation, with its services that take part.",
        "services": f"{_WASPI}: list only the services whose staff need the information.",
        "nations": "State where each party acts: a power that applies in one nation is no power in another.",
        "powers": f"{_CODE}: name the power or duty that lets each public body share; `hearthgate law list` has them.",
        "items": f"{_CALDICOTT} 3: list the least information that the purpose needs, item by item.",
        "benefits": f"{_CODE}: say what people gain from the sharing, and why it is proportionate.",
        "individuals_informed": f"{_CALDICOTT} 8: say how people are told, beforehand, who receives what.",
        "consent_text": f"{_CODE}: say whether consent is the basis of anything, and what happens if it is withdrawn.",
        "rights": f"{_CODE}: say how people get access, correct, object and complain, and who answers.",
        "retention": f"{_CODE}: say how long each party keeps what it receives, and how it is erased.",
        "security": f"{_CODE}: say how information is protected in transit, at rest and from staff without need.",
        "dpia_reference": f"{_CODE}: do an impact assessment before you share; name it and its date.",
        "policy_document": "Data Protection Act 2018, Schedule 1, Part 4: name each party's policy document.",
        "review_date": f"{_CODE}: review the agreement regularly; set a day within two years.",
        "valid_from": f"{_WASPI}: begin after every party can have signed.",
        "valid_until": f"{_WASPI}: end on a day, so that the agreement is looked at before it goes on.",
        "clauses": f"{_CALDICOTT} 4: permit each service only what its purpose needs.",
        "purpose": f"{_CALDICOTT} 1: justify every flow by one of the purposes.",
        "kind": "Choose one of: " + ", ".join(KINDS) + ".",
        "askers": f"{_CALDICOTT} 4: only services with a need to know may ask or send.",
        "holders": f"{_CODE}: name exactly who discloses, or who receives what is sent.",
        "fields_by_role": f"{_CALDICOTT} 3: give each role only the fields that it needs.",
        "subject_by_holder": f"{_CALDICOTT} 3: identify the person by as little as finds the right one.",
        "basis": f"{_CODE}: name a lawful basis, a condition and a power; see `hearthgate law show CODE`.",
        "existence": "Conditional where even that a service knows the person is sensitive: silence then tells nothing.",
        "keep_days": f"{_CODE}: keep no longer than the purpose needs, and agree with the words on retention.",
        "onward": f"{_CODE}: say whether what is received may be passed on.",
        "respond_within": 'Write a time such as "4 hours", "1 working day" or "before next school day".',
        "required_marks": "Name trust marks by their full address, as `hearthgate trust show` prints them.",
        "joining": f"{_CODE}: say who may join, on whose decision, and how the other parties learn of it.",
        "marks": "Name trust marks by their full address, as `hearthgate trust show` prints them.",
        "kinds": f"{_CALDICOTT} 4: let only services of the kinds join that the purpose needs.",
        "admitted_by": "Name parties of this agreement, each of which can judge an agency that wants to join.",
        "objection_days": "Give the other parties the days that they need to look at an agency that joins.",
        "joining_askers": f"{_CALDICOTT} 4: only services with a need to know may ask or send.",
        "joining_holders": f"{_CODE}: say which agencies that join disclose, or receive what is sent.",
        "joining_confirmed": "Set it to true where no party should share with an agency that it has not looked at.",
        "under": "Take id and digest from `hearthgate agreement show` of the overarching agreement.",
        "TOML": "",
    }
)
_NAME: Final = re.compile(r"[A-Za-z_]+")
_REVIEW_WITHIN: Final = timedelta(days=2 * 366)
_CONDITIONED: Final = frozenset({"9-2-b", "9-2-g", "9-2-h", "10"})
"""What holds only with a condition of Schedule 1: Data Protection Act 2018, section 10(2) to (5)."""


def advice_on(path: str) -> str:
    """Return what the codes ask of the part that a fault is about; an empty text where they ask nothing."""
    names = [name for name in _NAME.findall(path) if name in _ADVICE]
    return _ADVICE[names[-1]] if names else ""


def ask_by_the_codes(agreement: Agreement) -> Iterator[str]:
    """Return what the codes would ask about a draft without faults.

    1. in which nation a party acts; 2. a review that is far away; 3. every field for one role; 4. a special-category
    basis without its condition, or none; 5. an alleged perpetrator without a basis for criminal-offence data.
    """
    for party in agreement.parties:
        if not party.nations:  # 1
            yield f"The agreement does not say in which nation {party.name} acts. Do the powers apply there?"
    if agreement.review_date - agreement.valid_from > _REVIEW_WITHIN:  # 2
        yield f"The first review is more than two years after the beginning. {_ADVICE['review_date']}"
    for clause in agreement.clauses:
        yield from _of_clause(clause, agreement)


def _of_clause(clause: Clause, agreement: Agreement) -> Iterator[str]:
    kind, entries = KINDS[clause.kind], [lookup(code, agreement.valid_from) for code in clause.basis]
    for role, fields in sorted(clause.fields_by_role.items()):
        if fields == kind.fields and not kind.indivisible:  # 3
            yield f"Clause {clause.id} gives a {role} every field that there is. {_ADVICE['fields_by_role']}"
    special = [entry.code for entry in entries if entry.code in _CONDITIONED]
    if not {entry.part for entry in entries} & {LegalPart.SPECIAL_CATEGORY} and "dpa2018-part3" not in clause.basis:
        yield (
            f"Clause {clause.id} names no condition for special categories (UK GDPR Article 9). That a health service "
            "works with a person is data on health already. Is none of it shared?"
        )
    if special and not any(entry.part is LegalPart.CONDITION for entry in entries):  # 4
        yield (
            f"Clause {clause.id} names {join_words(special)}, which holds only with a condition of the Data Protection "
            "Act 2018, Schedule 1. Which one is it?"
        )
    tells = any(Part.ALLEGED_PERPETRATOR.field in fields for fields in clause.fields_by_role.values())
    if tells and not {"10", "dpa2018-part3"} & set(clause.basis):  # 5
        yield (
            f"Clause {clause.id} tells of an alleged perpetrator and names no basis for criminal-offence data (UK GDPR "
            "Article 10, or Part 3 of the Data Protection Act 2018). Which one is it?"
        )
