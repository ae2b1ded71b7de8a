"""A holder with default budgets flags an agency that tries out people, with any details beside those tried."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from threading import Barrier

import pytest

from adapters.contract import Adapter, Candidate, Deadline
from config.settings import BudgetSettings
from gateway.accountability.enumeration import ABSENCES, NEW_PRACTITIONERS
from gateway.accountability.rate_limits import RateLimits, budgets_from_settings
from gateway.callers import PeerCaller
from gateway.exchange.inbound import Inbound
from gateway.exchange.response_timing import ResponseTimer
from gateway.store.tables import flags
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import BY_ENTITY, COUNCIL, KNOWN, TRUST
from tests.support.people import nhs
from trust.agreements.enumeration import MOST_ADDRESSES, Pattern
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.involvement import Involvement
from trust.exchange.message import PseudonymousPractitioner
from trust.exchange.person import Address, Name, Subject
from trust.exchange.reply import TYP
from trust.exchange.subject_members import MEMBERS
from trust.identifiers import RoleCode
from trust.jose import peek
from trust.strict_json import JsonObject

WITHIN = 100
LETTERS = "abcdefghijklmnopqrst"


@dataclass(slots=True, kw_only=True)
class Council:
    """A council that asks this holder, each time under a pseudonym that it has never used."""

    node: Inbound
    hand: PeerHand
    caller: PeerCaller
    pseudonyms: Iterator[int] = field(default_factory=count)

    def ask(self, subject: Subject) -> JsonObject:
        who = PseudonymousPractitioner(
            sub=f"made-up-{next(self.pseudonyms)}", role=RoleCode("key-worker"), org_unit="north-team"
        )
        raw = self.hand.signed(self.hand.message(subject=subject, practitioner=who))
        answered = self.node.handle(raw, self.caller, self.hand.network.clock.now())
        body: JsonObject = peek(answered, typ=TYP, max_bytes=MAX_BYTES).claims["body"]
        return body

    def flagged(self) -> set[str]:
        up = self.node.store.read(flags.list_open)
        assert {each.agency for each in up} <= {COUNCIL}
        return {each.code for each in up}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Network]:
    """Give the council and the mental health trust, whose agreement lets the trust be told everything."""
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    document = made.document()
    for clause in document["clauses"]:
        clause["subject_by_holder"] = {holder: sorted(MEMBERS) for holder in clause["holders"]}
    made.agree(document)
    yield made
    made.close()


@pytest.fixture
def council(inbound: Inbound, hand: PeerHand, caller: PeerCaller) -> Council:
    budgets = RateLimits(limits=budgets_from_settings(BudgetSettings().answering))
    node = replace(inbound, timer=ResponseTimer(sleep=lambda _: None), budgets=budgets)
    return Council(node=node, hand=hand, caller=caller)


def stranger(number: int) -> Subject:
    """Return one of many people who have nothing in common."""
    first = "BDFGHKLMNPRST"[number % 13] + "aeiou"[number // 13 % 5] + "lmnrst"[number // 65 % 6]
    born = date(1950, 1, 1) + timedelta(days=47 * number)
    return Subject(family_name=f"{first}ton", given_names=f"{first}ina", birth_date=born)


@pytest.mark.holds("A44")
def test_four_hundred_strangers_under_fresh_pseudonyms_are_flagged_and_fold_into_few(council: Council) -> None:
    answers = [council.ask(stranger(number)) for number in range(400)]
    assert {answer["status"] for answer in answers} == {"nothing_to_share"}  # no budget stood in the way
    assert council.flagged() >= {ABSENCES, NEW_PRACTITIONERS}
    assert council.node.store.read(flags.count_open) == len(council.flagged())


def with_decoys(number: int, subject: Subject) -> Subject:
    """Return a description beside whose true details others stand that change each time."""
    letter = LETTERS[number % len(LETTERS)]
    return replace(subject, aliases=(*subject.aliases, Name(family_name=f"{letter}ilk", given_names=f"{letter}ne")))


def disguised(number: int) -> str:
    place = number % len("Hartley")
    between = ("-", "\u200b", "\u0301", "\u00ad")[number % 4]
    return "Hartley"[:place] + between + "Hartley"[place:]


SCANS: Mapping[str, tuple[Pattern, Callable[[int], Subject]]] = {
    "numbers counted through": (
        Pattern.NEIGHBOURING_NUMBERS,
        lambda number: replace(stranger(number), nhs_number=nhs(969129200 + 2 * number)),
    ),
    "numbers, with another number as a decoy": (
        Pattern.NEIGHBOURING_NUMBERS,
        lambda number: Subject(nhs_number=nhs(969129200 + 2 * number), upn="X801200001002"),
    ),
    "near names with birth dates": (
        Pattern.NAME_BIRTH_DATES,
        lambda number: Subject(
            family_name=("Hartley", "Hartly", "Heartley")[number % 3],
            given_names="Daniel",
            birth_date=date(2004, 1, 1) + timedelta(days=number),
        ),
    ),
    "a disguised name with birth dates": (
        Pattern.NAME_BIRTH_DATES,
        lambda number: Subject(
            family_name=disguised(number), given_names="Daniel", birth_date=date(2004, 1, 1) + timedelta(days=number)
        ),
    ),
    "a name in an alias with birth dates": (
        Pattern.NAME_BIRTH_DATES,
        lambda number: replace(stranger(number), aliases=(Name(family_name="Hartley", given_names="Daniel"),)),
    ),
    "birth dates at an address": (
        Pattern.ADDRESS_BIRTH_DATES,
        lambda number: replace(stranger(number), address=KNOWN.address),
    ),
    "birth dates of an identifier": (
        Pattern.PERSON_DESCRIPTIONS,
        lambda number: Subject(nhs_number=KNOWN.nhs_number, birth_date=date(2004, 1, 1) + timedelta(days=number)),
    ),
    "family names of a given name and birth date": (
        Pattern.PERSON_DESCRIPTIONS,
        lambda number: replace(stranger(number), given_names=KNOWN.given_names, birth_date=KNOWN.birth_date),
    ),
    "addresses of a person": (
        Pattern.PERSON_ADDRESSES,
        lambda number: replace(KNOWN, address=Address(postcode=f"YO7 {number % 10}A{LETTERS[number // 10].upper()}")),
    ),
}


@pytest.mark.holds("A44")
def test_a_scan_is_flagged_within_a_hundred_questions_with_any_other_details(council: Council) -> None:
    store, at = council.node.store, council.hand.network.clock.now()
    for scan, (pattern, subject) in SCANS.items():
        for number in range(WITHIN):
            council.ask(with_decoys(number, subject(number)))
            if pattern in council.flagged():
                break
        assert pattern in council.flagged(), scan
        for up in store.read(flags.list_open):
            store.write(lambda tx, up=up: flags.review(tx, code=up.code, asker=up.asker, by="r.example", at=at))  # type: ignore[misc]


@pytest.mark.holds("A43")
def test_budgets_and_refusals_are_the_same_whether_there_is_a_record(council: Council) -> None:
    refused = [[council.ask(subject)["status"] == "refused" for _ in range(70)] for subject in (KNOWN, stranger(7))]
    assert refused[0] == refused[1]
    assert any(refused[0])


@dataclass(slots=True, kw_only=True)
class AddressBook:
    """A case system that tells, by its answer, whether the right address was in the question, or any."""

    home: Address | None
    together: Barrier | None = None
    searched: list[Address | None] = field(default_factory=list)

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        self.searched.append(subject.address)
        if self.together is not None and subject.address is not None:
            self.together.wait(20)
        is_right = subject.address is not None and self.home in {None, subject.address}
        return (Candidate(ref="1", person=subject),) if is_right else ()

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        return (Involvement(worker="Farouk Linton"),)


def homes(number: int) -> list[Address]:
    return [Address(postcode=f"YO7 {each}AB") for each in range(number)]


def hosting(council: Council, book: AddressBook) -> Council:
    adapter = Adapter(name="address book", involvement=book)
    services = {slug: replace(each, adapter=adapter) for slug, each in council.node.services.items()}
    return replace(council, node=replace(council.node, services=services))


def at(address: Address | None) -> Subject:
    return Subject(family_name="Hartley", given_names="Daniel", birth_date=date(2004, 3, 9), address=address)


def test_a_fourth_address_of_a_person_is_left_out_of_the_search(council: Council) -> None:
    tried = homes(MOST_ADDRESSES + 3)
    book = AddressBook(home=tried[-1])
    asking = hosting(council, book)
    answers = [asking.ask(at(address)) for address in tried]
    assert book.searched == [*tried[:MOST_ADDRESSES], None, None, None]
    assert answers == [asking.ask(at(None))] * len(tried)  # the limit shows in no answer
    assert Pattern.PERSON_ADDRESSES in council.flagged()
    asking.ask(at(tried[0]))
    assert book.searched[-1] == tried[0]
    asking.ask(replace(at(tried[-1]), family_name="Nobbs", given_names="Wilfred"))
    assert book.searched[-1] == tried[-1]


def test_the_limit_holds_with_any_other_details(council: Council) -> None:
    tried = homes(MOST_ADDRESSES + 6)
    book = AddressBook(home=Address())
    asking = hosting(council, book)
    for number, address in enumerate(tried):
        asking.ask(with_decoys(number, replace(at(address), family_name=disguised(number), given_names=f"Dan{number}")))
    assert book.searched[MOST_ADDRESSES:] == [None] * 6


def test_a_description_with_too_little_but_a_left_out_address_is_answered_as_before(council: Council) -> None:
    asking = hosting(council, AddressBook(home=Address()))
    answers = [asking.ask(replace(at(address), given_names=None)) for address in homes(MOST_ADDRESSES + 2)]
    assert {answer["status"] for answer in answers} == {"nothing_to_share"}


def test_addresses_sent_at_the_same_time_are_no_way_past_the_limit(council: Council) -> None:
    """Each is searched for before any is on record; the ones that come too late are searched again without it."""
    now, tried = council.hand.network.clock.now(), homes(10)
    everywhere = AddressBook(home=None, together=Barrier(len(tried)))
    asking = hosting(council, everywhere)
    raws = [council.hand.signed(council.hand.message(subject=at(address))) for address in tried]
    with ThreadPoolExecutor(len(raws)) as pool:
        answers = list(pool.map(lambda raw: asking.node.handle(raw, asking.caller, now), raws))
    statuses = [peek(each, typ=TYP, max_bytes=MAX_BYTES).claims["body"]["status"] for each in answers]
    assert sorted(statuses) == ["known"] * MOST_ADDRESSES + ["nothing_to_share"] * (len(tried) - MOST_ADDRESSES)
