"""From a bare machine to a first exchange with a peer, by the lines of the README and nothing else.

What the test does is what stands there as done before: names, certificates of three authorities, the adapters' tables
and the agreement. Then three machines (:mod:`tests.e2e.machines`) run exactly these lines, in the order of their
numbers; those of one number at the same time. What people tell each other by telephone or mail, thumbprints and the
address of the agreement, is read from what one machine printed and typed at another.

Installing is not prepared: each machine has a copy of this folder without an environment, and the first ``./run`` on it
installs from the hash-locked requirements over the network. The package index there is filled beforehand with what this
machine gets from its own, because the machines have no way out of their network.
"""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest

from tests.docs.pages import blocks, page, section, table
from tests.e2e.machines import Machine, NoPackages, Running, network, what_is_missing
from tests.gateway.cli.conftest import agreement_between_two
from tests.support.tls import make_authority

MOST = 6
PARTIES = {
    "anchor": "The trust anchor",
    "police": "The agency that is there already",
    "council": "The agency that joins",
}
_TOLD = section(page("README.md"), "From a bare machine to a first exchange")
_BETWEEN = frozenset({"&&", "||", ";", "|", "&"})
_DIGITS = re.compile(r"^ *((?:[0-9]{5} ){5}[0-9]{5})$", re.MULTILINE)
_SERVICES = """
[[services]]
slug = "{slug}"
name = "{name}"
kind = "{kind}"
duty_phone = "01632 960 001"

[services.adapter]
type = "json-file"

[services.adapter.settings]
file = "/srv/records.json"
records = "people[]"
ref = "id"
person = {{ family_name = "family", given_names = "given", birth_date = "born", postcode = "postcode" }}
contacts = [{{ fields = {{ worker = "worker", phone = "phone" }} }}]
"""
_KNOWN_TO_THE_POLICE = {
    "id": "1",
    "family": "Fell",
    "given": "Robin",
    "born": "2001-01-02",
    "postcode": "ZE4 2AB",
    "worker": "Ada Tarn",
    "phone": "01632 960 002",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A line of the README, its user, and the lines before it."""

    party: str
    number: int
    line: str
    apart: bool

    def count(self) -> int:
        """Return how many commands it is; chained ones count separately."""
        lines = self.line.replace("\\\n", " ").splitlines()
        words = [word for line in lines for word in shlex.shlex(line, posix=True, punctuation_chars=True)]
        return len(lines) + sum(word in _BETWEEN for word in words)


def steps() -> list[Step]:
    """Return the lines of the README in the order of their numbers."""
    found = []
    for party, heading in PARTIES.items():
        (block,) = blocks(section(_TOLD, heading))
        for part in re.split(r"^(?=# \d+\. )", block.text, flags=re.MULTILINE)[1:]:
            comment, _, line = part.partition("\n")
            number, _, said = comment.removeprefix("# ").partition(". ")
            found.append(Step(party=party, number=int(number), line=line.strip(), apart="counted apart" in said))
        assert block.text.startswith("# "), "a line has no number"
    return sorted(found, key=lambda step: step.number)


def counted(party: str) -> int:
    """Return how many commands a party needs, its adapter apart."""
    return sum(step.count() for step in steps() if step.party == party and not step.apart)


def test_the_agency_that_joins_needs_six_commands_at_most() -> None:
    assert counted("council") <= MOST


def test_the_table_counts_as_the_test_does() -> None:
    rows = {row[0]: int(row[1]) for row in table(_TOLD)}
    assert rows == {heading[0].lower() + heading[1:]: counted(party) for party, heading in PARTIES.items()}


def test_chained_commands_count_separately() -> None:
    chained = Step(party="council", number=1, line="a && b; c | d \\\n  --e &\nf 'g && h'", apart=False)
    assert chained.count() == 6


def test_no_party_consents_for_another() -> None:
    """Each consent is a command of its own, and stands in the block of the party whose consent it is."""
    consents = {
        "anchor": [f"trust admit https://{name}.example" for name in ("police", "council")],
        "police": ["trust join https://anchor.example", "agreement propose"],
        "council": ["trust join https://anchor.example", "agreement sign"],
    }
    every = {consent for held in consents.values() for consent in held}
    for party, held in consents.items():
        lines = [step.line for step in steps() if step.party == party]
        assert sorted(consent for line in lines for consent in every if consent in line) == sorted(held)


@dataclass(slots=True, kw_only=True)
class Story:
    """The three machines, and the line that each entered last."""

    machines: dict[str, Machine]
    last: dict[str, Running] = field(default_factory=dict)

    def said(self, party: str, word: str) -> str:
        """Return what a party's command printed."""
        return next(each.said() for each in self.machines[party].entered if word in each.line)

    def told(self, step: Step) -> list[str]:
        """Return what is typed at a command: what the others said of themselves, and that one agrees."""
        if "trust join" in step.line:
            return [*_DIGITS.findall(self.said("anchor", "trust anchor init")), "y"]
        if "trust admit" in step.line:
            joining = self.last["police" if "police" in step.line else "council"]
            return [*_DIGITS.findall(joining.said().rpartition("read out the")[2]), "y"]
        if "agreement propose" in step.line:
            return ["y"]
        if "agreement sign" in step.line:
            address = re.search(r"https://police\.example/agreements/\S+", self.said("police", "agreement propose"))
            assert address is not None
            return [address[0], "y"]
        if "lookup" in step.line:
            return [
                "y",
                "He asked who else can help him.",
                "CF-1",
                "Fell",
                "Robin",
                "2001-01-02",
                "",
                "",
                "",
                "ZE4 2AB",
            ]
        return []

    def enter(self, step: Step) -> None:
        """Enter a line once the party's last one has done its work; ``serve`` goes on."""
        earlier = self.last.get(step.party)
        if earlier is not None and "serve" not in earlier.line:
            earlier.wait()
        self.last[step.party] = self.machines[step.party].enter(step.line, typed=self.told(step))

    def settle(self, step: Step) -> None:
        """Wait until a line has ended, serves, or waits for another user."""
        self.last[step.party].wait_until(*(["is running."] if "serve" in step.line else ["Waiting for"]))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    missing = what_is_missing()
    if missing is not None:
        pytest.skip(f"bare machines need network namespaces: {missing}")
    folder = tmp_path_factory.mktemp("machines")
    names = {party: [f"{party}.example", f"case.{party}.example"] for party in PARTIES}
    try:
        with network(folder, names) as machines:
            prepare(machines)
            yield Story(machines=machines)
    except NoPackages as offline:
        pytest.skip(f"the packages to install cannot be had here: {offline}")


def prepare(machines: dict[str, Machine]) -> None:
    """Do what the README lists as done before."""
    roots = []
    for name, machine in machines.items():
        (machine.folder / "authority").mkdir()
        authority = make_authority(machine.folder / "authority")
        roots.append(authority.certificate.read_text())
        certificate, key = authority.issue(f"{name}.example", f"case.{name}.example")
        shutil.copy2(certificate, machine.srv / "tls" / f"{name}.pem")
        shutil.copy2(key, machine.srv / "tls" / f"{name}.key")
    assert len(set(roots)) == len(machines)
    for machine in machines.values():
        (machine.srv / "tls" / "roots.pem").write_text("".join(roots))
    for name, slug, people in (("council", "families", []), ("police", "neighbourhood", [_KNOWN_TO_THE_POLICE])):
        text = _SERVICES.format(slug=slug, name=slug.title(), kind=slug)
        (machines[name].srv / "services.toml").write_text(text)
        (machines[name].srv / "records.json").write_text(json.dumps({"people": people}))
    today = datetime.now(UTC).date()
    agreement = agreement_between_two(today.isoformat(), (today + timedelta(days=400)).isoformat())
    agreement["clauses"][0] |= {
        "fields_by_role": {"key-worker": ["organisation", "worker", "phone"]},
        "existence": "unconditional",
    }
    (machines["police"].srv / "agreement.json").write_text(json.dumps(agreement))


@pytest.mark.e2e
@pytest.mark.timeout(900)  # three installations: about a minute and a half on two cores, several on busy ones
def test_the_lines_of_the_readme_lead_to_an_answer(story: Story) -> None:
    for _, group in groupby(steps(), key=lambda step: step.number):
        together = list(group)
        for step in together:
            story.enter(step)
        for step in together:
            story.settle(step)
        for step in together:
            if "trust join" in step.line:
                assert not story.last[step.party].ended, "it was admitted before the anchor consented"
            if "agreement propose" in step.line:
                assert "https://council.example" in story.last[step.party].said()
    asked = story.last["council"]
    assert asked.ended
    asked.wait()
    assert "Ada Tarn" in asked.said(), asked.said()
    assert "1 of 1 services answered" in asked.said()


@pytest.mark.e2e
def test_the_machines_have_nothing_in_common_but_their_network(story: Story) -> None:
    machines = story.machines.values()
    for kind in ("net", "mnt", "pid"):
        assert len({machine.namespace(kind) for machine in machines}) == len(machines)
    for name, machine in story.machines.items():
        seen = machine.enter("ls /srv")
        seen.wait()
        others = story.machines.keys() - {name}
        assert not others & set(seen.said().split())
    holding = [
        name
        for name, machine in story.machines.items()
        if machine.enter("grep -rl 'Ada Tarn' /srv/records.json").process.wait() == 0
    ]
    assert holding == ["police"]
