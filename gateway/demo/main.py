"""The demo: set up a federation, tell the story, and end every process."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Final, NoReturn

from gateway.demo import case_system_setup, commands, sandbox
from gateway.demo.federation import Federation
from gateway.demo.narrator import Narrator
from gateway.demo.people import generator, truth
from gateway.demo.processes import DemoError, Processes
from gateway.demo.story import (
    benefits,
    connecting_families,
    eight_workers,
    layers,
    refusals,
    residents,
    search,
    signatures,
)
from gateway.demo.story.scene import Scene

INTERRUPTED: Final = 130
_PARTS: Final = (eight_workers, layers, benefits, refusals, residents, search, connecting_families)


def run(*, once: bool, seed: int) -> int:
    """Run the demo; return 0 when every expectation was met, 1 when one was not, 130 when interrupted.

    Without ``once`` the federation stays up after the story until SIGINT or SIGTERM. All files are in one temporary
    folder, which is removed at the end unless the demo failed.
    """
    narrator = Narrator()
    root = Path(tempfile.mkdtemp(prefix="hearthgate-demo-"))
    _on_signals(_interrupt)
    code = 1
    try:
        (root / "logs").mkdir(mode=0o700)
        with _all_stopped_at_end(Processes(root / "logs"), narrator) as processes:
            scene = _set_the_stage(narrator, root, processes, seed)
            for part in _PARTS:
                part.tell(scene)
            code = _sum_up(narrator)
            if not once:
                sandbox.run_sandbox(scene)
    except DemoError as error:
        narrator.show("", *f"The demo failed: {error}".splitlines())
        code = 1
    except BrokenPipeError:  # the reader of the output has ended
        code = 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    finally:
        _tidy(narrator, root, failed=code not in {0, INTERRUPTED})
    return code


def _set_the_stage(narrator: Narrator, root: Path, processes: Processes, seed: int) -> Scene:
    narrator.section("Hearthgate: a trust anchor, seven agencies, twelve services")
    narrator.say(f"All people and agencies are invented. All files are in {root}.")
    narrator.gap()
    today = datetime.now(UTC).date()
    with narrator.step("generate 3,000 residents and write the truth about them"):
        population = generator.generate_population(today)
        truth.write(root / "truth.json", population)
        people = truth.read(root / "truth.json")
    with narrator.step("fill the agencies' case systems: SQL, SOAP, census files, a benefit registry"):
        (root / "case-systems").mkdir(mode=0o700)
        systems = case_system_setup.create(root / "case-systems", population)
    with narrator.step("import the code of the commands"):
        commands.preload_commands()
    federation = Federation(root, processes, narrator)
    with narrator.step("set up the trust anchor and start it"):
        federation.set_up_anchor()
    with narrator.step("set up seven nodes, each with its own configuration, keys, certificate and store"):
        federation.set_up_nodes(systems)
    with narrator.step("enrol each agency, and admit it by the thumbprint of its keys"):
        federation.admit_all()
    with narrator.step("import the children's census; register the case system of Connecting Families"):
        federation.prepare_council(systems)
    with narrator.step("register the duty desks, whose people sign in at their own agency"):
        federation.register_duty_desks()
    with narrator.step("start the case systems and the seven nodes"):
        federation.start_nodes(systems.servers)
    agreement = signatures.tell(narrator, federation, people, today)
    return Scene(
        narrator=narrator,
        federation=federation,
        systems=systems,
        today=today,
        truth=people,
        agreement=agreement,
        seed=seed,
    )


def _sum_up(narrator: Narrator) -> int:
    narrator.section("Result")
    count = narrator.met_count + len(narrator.failed)
    narrator.say(f"{narrator.met_count} of {count} expectations were met.")
    for statement in narrator.failed:
        narrator.show(f"✗ {statement}")
    return 1 if narrator.failed else 0


@contextmanager
def _all_stopped_at_end(processes: Processes, narrator: Narrator) -> Iterator[Processes]:
    """End every process at the end, and ignore signals meanwhile."""
    try:
        yield processes
    finally:
        _on_signals(signal.SIG_IGN)
        began = monotonic()
        processes.stop_all()
        with suppress(BrokenPipeError):
            narrator.show("", f"All processes have stopped ({monotonic() - began:.1f} s).")


def _on_signals(handler: object) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, handler)  # type: ignore[arg-type]  # a handler of ours or SIG_IGN


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _tidy(narrator: Narrator, root: Path, *, failed: bool) -> None:
    if failed:
        with suppress(BrokenPipeError):
            narrator.show("", f"All files are kept in {root}; the logs are in {root / 'logs'}.")
    else:
        shutil.rmtree(root, ignore_errors=True)
