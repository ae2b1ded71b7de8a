"""Generate the population: households, assignments to services, benefits."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Final

from gateway.demo import identifiers
from gateway.demo.agencies import ASKER, OTHERS
from gateway.demo.case_systems.records import AwardRecord, CaseService, ResidentRecord
from gateway.demo.people.names import FAMILY_NAMES, GIVEN_NAMES, MIDDLE_NAMES
from gateway.demo.people.population import CaseAssignment, Group, Population, Resident, Spelling
from gateway.demo.people.staff import Staffing

RESIDENTS: Final = 3_000
YOUNG_MAN: Final = ("Callum James", "Ashgarth")
FAMILY: Final = (
    (Group.MOTHER, "Grace Ruth", "Hazelcroft", "female", 36),
    (Group.CHILD, "Imogen Rose", "Hazelcroft", "female", 16),
    (Group.CHILD, "Daniel Lee", "Hazelcroft", "male", 14),
    (Group.PARTNER, "Gareth Paul", "Dunrigg", "male", 39),
)
"""The household of scenario S2: names, gender and age of each."""
PROGRAMME: Final = "UC"
"""Universal Credit, in the registry's own code."""
_SEED: Final = 1867
_EIGHT: Final = 24
_THREE: Final = 120
_NONE: Final = 120
_TWINS: Final = 16
_NAMESAKES: Final = 12
_YEAR_DAYS: Final = 365.25
_WORKING_AGE: Final = 16
_SCHOOL_AGE: Final = 4
_HOW_MANY: Final = {
    Group.THREE: (3,),
    Group.NONE: (0,),
    Group.NAMESAKE: (1, 2, 3, 4),
    Group.OTHER: (0, 0, 0, 1, 1, 2, 3, 4),
}
_KNOWN_TO: Final = {
    Group.MOTHER: (ASKER, CaseService.HOUSING),
    Group.CHILD: (ASKER, CaseService.COLLEGE),
    Group.PARTNER: (CaseService.POLICE,),
}
_HOW_MANY_CLOSED: Final = (0, 0, 1)
_ASKER_KNOWS: Final = 0.2
_SLIPS_A_HUNDRED: Final = 3
_SHORT_A_HUNDRED: Final = 6

# The ages, in whole years, at which each service works with people.
AGES: Final = {
    CaseService.CONNECTING_FAMILIES: (0, 99),
    CaseService.CHILDRENS_SOCIAL_CARE: (0, 17),
    CaseService.MONEY_ADVICE: (16, 99),
    CaseService.YOUTH_JUSTICE: (10, 17),
    CaseService.JOBCENTRE: (16, 66),
    CaseService.POLICE: (10, 99),
    CaseService.MENTAL_HEALTH: (5, 99),
    CaseService.HOUSING: (16, 99),
    CaseService.COLLEGE: (14, 60),
}


def generate_population(today: date, *, seed: int = _SEED, size: int = RESIDENTS) -> Population:
    """Return the population on ``today``."""
    dice = Random(seed)  # noqa: S311 - invented people, not secrets
    residents = tuple(_People(dice, today, size).all())
    staffing = Staffing(dice, today)
    assignments: list[CaseAssignment] = []
    for resident in residents:
        assignments += _assignments(dice, staffing, resident, today)
    return Population(
        today=today,
        residents=residents,
        assignments=tuple(assignments),
        awards={award[0]: award[1] for award in _awards(dice, residents, today)},
    )


class _People:
    """Generate residents, each with unique numbers."""

    def __init__(self, dice: Random, today: date, size: int) -> None:
        self._dice = dice
        self._today = today
        self._size = size
        self._serials = iter(range(100_000, 1_000_000))
        self._names_and_dates: set[tuple[str, date]] = set()
        self._homes = 0
        self._people: list[Resident] = []

    def all(self) -> Sequence[Resident]:
        """Return all residents, the young man first."""
        home = replace(self._household(), family_name=YOUNG_MAN[1])
        self._add(Group.YOUNG_MAN, replace(self._person(home, 17, gender="male"), given_names=YOUNG_MAN[0]))
        for group, count in ((Group.EIGHT, _EIGHT), (Group.THREE, _THREE), (Group.NONE, _NONE)):
            for _ in range(count):
                age = self._dice.randint(16, 17) if group is Group.EIGHT else self._dice.randint(16, 60)
                self._add(group, self._person(self._household(), age))
        for _ in range(_TWINS):
            self._add_twins()
        for _ in range(_NAMESAKES):
            self._add_namesakes()
        self._add_household_of_s2()
        while len(self._people) < self._size:
            self._add_family()
        return self._people

    def _add(self, group: Group, person: ResidentRecord, pair: int | None = None) -> None:
        self._people.append(Resident(number=len(self._people), group=group, person=person, pair=pair))

    def _add_twins(self) -> None:
        number = len(self._people)
        one = self._person(self._household(), self._dice.randint(16, 17))
        names = [name for name in GIVEN_NAMES[one.gender] if name != one.given_names.split()[0]]
        other = replace(self._numbered(one), given_names=self._dice.choice(names))
        self._add(Group.TWIN, one, number + 1)
        self._add(Group.TWIN, other, number)

    def _add_namesakes(self) -> None:
        number = len(self._people)
        one = self._person(self._household(), self._dice.randint(18, 60))
        elsewhere = self._household()
        other = replace(self._numbered(one), postcode=elsewhere.postcode, uprn=elsewhere.uprn)
        self._add(Group.NAMESAKE, one, number + 1)
        self._add(Group.NAMESAKE, other, number)

    def _add_household_of_s2(self) -> None:
        home = self._household()
        for group, given_names, family_name, gender, age in FAMILY:
            person = self._person(replace(home, family_name=family_name), age, gender=gender)
            self._add(group, replace(person, given_names=given_names))

    def _add_family(self) -> None:
        home = self._household()
        adults, children = self._dice.randint(1, 2), self._dice.choice((0, 0, 1, 1, 2, 3))
        for _ in range(adults):
            self._add(Group.OTHER, self._person(home, self._dice.randint(19, 84)))
        for _ in range(children):
            self._add(Group.OTHER, self._person(home, self._dice.randint(0, 18)))

    def _household(self) -> ResidentRecord:
        """Return a resident of a new home, without given names or numbers."""
        self._homes += 1
        return ResidentRecord(
            nhs_number=None,
            upn=None,
            nino=None,
            pnc_id=None,
            family_name=self._dice.choice(FAMILY_NAMES),
            given_names="",
            birth_date=self._today,
            gender="",
            postcode=identifiers.postcode(self._homes * 7 % 2_000),
            uprn=identifiers.uprn(self._homes),
        )

    def _person(self, home: ResidentRecord, age: int, *, gender: str = "") -> ResidentRecord:
        gender = gender or self._dice.choice(("female", "male"))
        names = f"{self._dice.choice(GIVEN_NAMES[gender])} {self._dice.choice(MIDDLE_NAMES[gender])}".strip()
        birth_date = self._birth_date(home.family_name, age)
        return self._numbered(replace(home, gender=gender, given_names=names, birth_date=birth_date))

    def _birth_date(self, family_name: str, age: int) -> date:
        """Return a birth date that is new for that name: only twins and namesakes share both."""
        while True:
            birth_date = self._today - timedelta(days=int(age * _YEAR_DAYS) + self._dice.randint(20, 340))
            if (family_name, birth_date) not in self._names_and_dates:
                self._names_and_dates.add((family_name, birth_date))
                return birth_date

    def _numbered(self, person: ResidentRecord) -> ResidentRecord:
        """Return the person with the numbers that a person of that age has."""
        serial, nhs_number = next(
            (serial, number) for serial in self._serials if (number := identifiers.nhs_number(serial)) is not None
        )
        age = age_on(person.birth_date, self._today)
        at_school = _SCHOOL_AGE <= age < AGES[CaseService.COLLEGE][1]
        return replace(
            person,
            nhs_number=nhs_number,
            upn=identifiers.upn(person.birth_date.year + _SCHOOL_AGE, serial) if at_school else None,
            nino=identifiers.nino(serial) if age >= _WORKING_AGE else None,
        )


def age_on(birth_date: date, today: date) -> int:
    """Return an age in whole years."""
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def _assignments(dice: Random, staffing: Staffing, resident: Resident, today: date) -> Iterator[CaseAssignment]:
    """Yield the services that work with a resident, and those that did."""
    able = [service for service in OTHERS if _of_age(service, resident, today)]
    current, former = _services(dice, resident, able)
    person = resident.person
    if CaseService.POLICE in current and dice.random() < 0.5:  # noqa: PLR2004 - half of those have been arrested
        person = replace(person, pnc_id=identifiers.pnc_id(today.year - dice.randint(0, 2), resident.number))
    for service in (*current, *former):
        is_closed = service in former
        spelling = Spelling.SAME if is_closed else _spelling(dice, resident, service)
        yield staffing.assign(resident.number, person, service, spelling=spelling, is_closed=is_closed)


def _of_age(service: CaseService, resident: Resident, today: date) -> bool:
    least, most = AGES[service]
    return least <= age_on(resident.person.birth_date, today) <= most


def _services(
    dice: Random, resident: Resident, able: Sequence[CaseService]
) -> tuple[Sequence[CaseService], Sequence[CaseService]]:
    """Return the services that work with a resident now, and those that no longer do."""
    group = resident.group
    if group in {Group.YOUNG_MAN, Group.EIGHT}:
        return (ASKER, *OTHERS), ()
    if group in _KNOWN_TO:
        return _KNOWN_TO[group], ()
    if group is Group.TWIN:
        return (ASKER, *OTHERS[resident.number % 2 :: 2]), ()
    current = dice.sample(able, min(len(able), dice.choice(_HOW_MANY[group])))
    rest = [service for service in able if service not in current]
    former = dice.sample(rest, min(len(rest), dice.choice(_HOW_MANY_CLOSED)))
    asks_too = group is not Group.OTHER or (current and dice.random() < _ASKER_KNOWS)
    return ((ASKER, *current) if asks_too else current), former


def _spelling(dice: Random, resident: Resident, service: CaseService) -> Spelling:
    """Draw the spelling of a name in a case system; only two groups have other spellings."""
    if service is ASKER or resident.group not in {Group.THREE, Group.OTHER}:
        return Spelling.SAME
    draw = dice.randrange(100)
    if draw < _SLIPS_A_HUNDRED:
        return Spelling.SLIP
    return Spelling.SHORT_FORM if draw < _SLIPS_A_HUNDRED + _SHORT_A_HUNDRED else Spelling.SAME


def _awards(dice: Random, residents: Sequence[Resident], today: date) -> Iterator[tuple[int, AwardRecord]]:
    """Yield the awards, in payment, suspended or ended; most people have none."""
    for resident in residents:
        kind = dice.choice(("paid", "paid", "suspended", "ended", "none", "none", "none", "none"))
        if kind == "none" or not _of_age(CaseService.JOBCENTRE, resident, today):
            continue
        enrolled = today - timedelta(days=dice.randint(120, 300))
        end = today - timedelta(days=dice.randint(40, 90))
        paid_on = [today - timedelta(days=days) for days in (6, 36, 66)]
        yield (
            resident.number,
            AwardRecord(
                resident=resident.person,
                claimant_ref=f"UC{resident.number:07}",
                programme=PROGRAMME,
                enrolled=enrolled,
                suspended=end if kind == "suspended" else None,
                ended=end if kind == "ended" else None,
                paid_on=tuple(day for day in paid_on if kind == "paid" or day < end),
            ),
        )
