"""Real nodes behind the real nginx are told of a person in every way, well and badly, and that person is in no output.

What is looked through afterwards: logs of nodes and nginx, metrics, every refusal with its headers, the stores, and all
that was left in the folders of the federation, for temporary files and of the account; while they run, the arguments,
titles and environment of every process; and core files, after workers were killed by a fault in the middle of work.
"""

import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
import requests

from tests.e2e.nginx import Behind, program_path
from tests.simulator.processes import ROOT, Answer
from tests.simulator.town import ANCHOR, COUNCIL, SUBJECT, TRUST

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(program_path() is None, reason="nginx is not installed (on Debian: apt-get install nginx)"),
]
CANARY: dict[str, Any] = {
    "nhs_number": "9691292211",
    "family_name": "Canaryfeather",
    "given_names": "Zebedee Quillon",
    "birth_date": "1987-06-05",
    "address": {"postcode": "ZE1 0AA", "uprn": "100098765432"},
}
PRACTITIONER = {
    "id": "u-canary-practitioner",
    "role": "key-worker",
    "org_unit": "north-team",
    "call_back": "01632 960777",
    "second_factor": True,
}
WORDS = (
    "9691292211",
    "969 129 2211",
    "canaryfeather",
    "zebedee",
    "quillon",
    "1987-06-05",
    "ze1 0aa",
    "100098765432",
    "u-canary-practitioner",
    "01632 960777",
    "a reason that nobody else needs",
    "case-canary-1",
)
# The resident in the case systems, and the worker in the answers.
KNOWN = (
    *(str(SUBJECT[name]).lower() for name in ("nhs_number", "upn", "nino", "pnc_id", "family_name", "birth_date")),
    "farouk linton",
)
CASE_FILES = "-cases.db"
"""The case systems' own files, which are the one place where a person may stand in the clear."""


@pytest.fixture(scope="module", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the processes an empty home and folder for temporary files, and leave to write cores wherever they may."""
    folder = tmp_path_factory.mktemp("surroundings")
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    with pytest.MonkeyPatch.context() as patched:
        for name, variable in (("home", "HOME"), ("tmp", "TMPDIR")):
            (folder / name).mkdir()
            patched.setenv(variable, str(folder / name))
        yield folder
    resource.setrlimit(resource.RLIMIT_CORE, before)


def found_in(text: str, words: tuple[str, ...] = WORDS + KNOWN) -> list[str]:
    lower = text.lower()
    return [word for word in words if word in lower]


def post(behind: Behind, path: str, body: bytes, token: str, **headers: str) -> Answer:
    stated = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    return behind.federation.call(behind.client.base_url + path, body=body, headers=stated)


def lookup(behind: Behind, token: str, **changes: Any) -> Answer:
    good = {
        "subject": CANARY,
        "practitioner": PRACTITIONER,
        "reason": "A reason that nobody else needs",
        "case_ref": "CASE-CANARY-1",
        "wait_s": 20.0,
    }
    body = behind.client.body(**{**good, **changes})
    return post(behind, "/case/v1/lookups", json.dumps(body).encode(), token, **{"Idempotency-Key": token_urlsafe(16)})


def refused_in_every_way(behind: Behind, token: str) -> list[Answer]:
    """Send the canary where it does not belong, and return what came back."""
    answers = [
        lookup(behind, token, subject={**CANARY, "nhs_number": "9691292212"}),
        lookup(behind, token, subject={**CANARY, "Canaryfeather": "Zebedee"}),
        lookup(behind, token, Canaryfeather="Zebedee"),
        lookup(behind, token, purpose="Canaryfeather"),
        lookup(behind, token, practitioner={**PRACTITIONER, "role": "Canaryfeather"}),
        lookup(behind, token, wait_s="Zebedee"),
        lookup(behind, token, reason="Canaryfeather " * 5_000),
        lookup(behind, "Canaryfeather"),
    ]
    answers += [
        post(behind, "/case/v1/lookups", body, token, **{"Idempotency-Key": token_urlsafe(16)})
        for body in (b'{"subject": "Canaryfeather', b'{"Canaryfeather": 1, "Canaryfeather": 2}', b"Zebedee" * 40_000)
    ]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "Canaryfeather?", "X-Person": "Zebedee"}
    for path in ("/case/v1/Canaryfeather", "/case/v1/lookups/Canaryfeather?nhs=9691292211", "/case/%43anaryfeather"):
        url = behind.client.base_url + path
        answers.append(behind.federation.call(url, method="GET", headers=headers))
        answers.append(behind.federation.call(url, body=b"{}", headers=headers))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for url in (behind.client.base_url, COUNCIL, TRUST):
        for grant in ("Canaryfeather", "client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"):
            body = (
                f"grant_type={grant}&client_assertion=9691292211&scope=Zebedee&subject_token=Canaryfeather.a.b".encode()
            )
            answers.append(behind.federation.call(url + "/oauth/v1/token?who=Canaryfeather", body=body, headers=form))
            answers.append(behind.federation.call(url + "/oauth/v1/token", body=body, headers=form))
    jwt = {"Content-Type": "application/jwt", "Authorization": "DPoP Canaryfeather", "DPoP": "Zebedee"}
    answers.append(behind.federation.call(TRUST + "/exchange/v1/messages", body=b"Canaryfeather.a.b", headers=jwt))
    answers.append(behind.federation.call(f"{ANCHOR}/federation/v1/fetch?sub=Canaryfeather", method="GET"))
    return answers


def refused_by_nginx(behind: Behind) -> str:
    """Ask, once no node runs any more, for what nginx refuses by itself and would write into its log of errors."""
    lines = ("GET /Canaryfeather HTTP/1.1", "GET /Canaryfeather Zebedee HTTP/1.1", "GET /Canaryfeather%00 HTTP/1.1")
    header = f"X-Person: {'Canaryfeather' * 2_000}\n"
    asked = [f"{line}\nHost: HOST\nConnection: close\n{more}\n" for line in lines for more in ("", header)]
    answers = [behind.answer(each) for each in asked]
    assert [answer[9:12] for answer in answers] == [b"502", *[b"400"] * 5]
    return b"".join(answers).decode("latin-1")


def break_case_system(behind: Behind, token: str) -> None:
    """Have the asked service's case system fail during a search."""
    database = next(behind.federation.network.folder_of(TRUST).glob("*" + CASE_FILES))
    aside = database.with_name("aside" + CASE_FILES)
    database.rename(aside)
    assert lookup(behind, token).status == 201
    database.write_bytes(b"this is no database" * 100)
    assert lookup(behind, token).status == 201
    aside.replace(database)


def crash_workers(behind: Behind, token: str) -> list[int]:
    """Kill the asked node's workers as a fault in native code would, while they answer; return their process ids."""
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(lookup, behind, token) for _ in range(6)]
        time.sleep(0.3)
        victims = behind.federation.processes[TRUST].workers() + behind.federation.processes[COUNCIL].workers()
        for victim in victims:
            os.kill(victim, signal.SIGSEGV)
        for each in running:
            assert each.result().status in {201, 202}
    return victims


def shown_by_processes(behind: Behind) -> str:
    shown = ""
    for process in behind.federation.processes.values():
        for pid in (process.process.pid, *process.descendants()):
            for name in ("cmdline", "comm", "environ"):
                try:
                    shown += Path(f"/proc/{pid}/{name}").read_bytes().decode("latin-1")
                except OSError:  # it ended meanwhile
                    continue
    return shown


def left_behind(*folders: Path) -> dict[str, str]:
    """Return every file's content, but the case systems' own."""
    return {
        str(path): path.read_bytes().decode("latin-1")
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(CASE_FILES) and CASE_FILES + "-" not in path.name
    }


@pytest.mark.holds("A50")
def test_a_person_is_in_no_output_of_real_processes(behind: Behind, surroundings: Path) -> None:
    federation = behind.federation
    cores = set(ROOT.glob("core*"))
    token = federation.case_token(behind.client)
    view = lookup(behind, token).json()
    assert {line["status"] for line in view["answers"]} <= {"not_known", "nothing_to_share"}
    assert "Farouk Linton" in json.dumps(federation.look_up(behind.client, token=token))
    refusals = refused_in_every_way(behind, token)
    assert all(400 <= answer.status < 500 for answer in refusals), [answer.status for answer in refusals]
    assert len(refusals) > 15
    break_case_system(behind, token)
    shown = shown_by_processes(behind)
    assert "hearthgate.toml" in shown
    crashed = crash_workers(behind, token)
    federation.look_up(behind.client, token=token)
    metrics = [
        requests.get(f"http://{federation.faces[each].operations}/metrics", timeout=10).text
        for each in (COUNCIL, TRUST)
    ]
    federation.stop()
    by_nginx = refused_by_nginx(behind)

    assert not found_in(by_nginx)
    assert not [answer.body for answer in refusals if found_in(answer.body.decode("latin-1"))]
    assert not found_in(shown)
    assert all("hearthgate_messages_" in text for text in metrics)
    assert not [found_in(text) for text in metrics if found_in(text)]
    files = left_behind(federation.network.folder, behind.logs, surroundings)
    assert sum("serve.log" in name for name in files) == 3
    assert any(name.endswith("node.db") for name in files)
    assert {name: found_in(text) for name, text in files.items() if found_in(text)} == {}
    assert not list((surroundings / "home").rglob("*"))
    assert set(ROOT.glob("core*")) == cores
    assert not [name for name in files if Path(name).name.startswith("core")]
    assert crashed
