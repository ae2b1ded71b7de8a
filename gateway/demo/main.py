"""The demo itself: set everything up, tell the story, and end every process that was started, whatever happens."""

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

from gateway.demo import commands, filling, staying
from gateway.demo.federation import Federation
from gateway.demo.narrator import Narrator
from gateway.demo.people import inventing, truth
from gateway.demo.processes import DemoFailed, Processes
from gateway.demo.story import benefits, eight_workers, layers, refusals, residents, search, signing
from gateway.demo.story.scene import Scene

INTERRUPTED: Final = 130
_PARTS: Final = (eight_workers, layers, benefits, refusals, residents, search)


def run(*, once: bool, seed: int) -> int:
    """Run the demo; return 0 where every expectation was met, 1 where not, 130 where it was stopped before its end.

    Without ``once`` the federation stays up after the story until SIGINT or SIGTERM. Everything lies in one temporary
    folder, which is removed at the end unless something failed.
    """
    narrator = Narrator()
    root = Path(tempfile.mkdtemp(prefix="hearthgate-demo-"))
    _on_signals(_interrupt)
    code = 1
    try:
        (root / "logs").mkdir(mode=0o700)
        with _stopping(Processes(root / "logs"), narrator) as processes:
            scene = _set_the_stage(narrator, root, processes, seed)
            for part in _PARTS:
                part.tell(scene)
            code = _sum_up(narrator)
            if not once:
                staying.stay(scene)
    except DemoFailed as failed:
        narrator.show("", *f"The demo cannot go on: {failed}".splitlines())
        code = 1
    except BrokenPipeError:  # nobody reads on
        code = 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    finally:
        _tidy(narrator, root, failed=code not in {0, INTERRUPTED})
    return code


def _set_the_stage(narrator: Narrator, root: Path, processes: Processes, seed: int) -> Scene:
    narrator.section("Hearthgate: a trust anchor, six agencies, nine services")
    narrator.say(f"Everybody and everything here is invented. All of it lies in {root}.")
    narrator.gap()
    today = datetime.now(UTC).date()
    with narrator.step("invent 3,000 residents and write down the truth about them"):
        population = inventing.invent(today)
        truth.write(root / "truth.json", population)
        known = truth.read(root / "truth.json")
    with narrator.step("fill the agencies' case systems from it: SQL, SOAP, census files, a benefit registry"):
        (root / "case-systems").mkdir(mode=0o700)
        systems = filling.fill(root / "case-systems", population)
    with narrator.step("read the code of the commands"):
        commands.read_before()
    federation = Federation(root, processes, narrator)
    with narrator.step("set up the trust anchor and start it"):
        federation.set_up_anchor()
    with narrator.step("set up six nodes: configuration, keys, certificate and store of its own for each"):
        federation.set_up_nodes(systems)
    with narrator.step("each agency asks to be admitted, and is, by the thumbprint of its key"):
        federation.admit_all()
    with narrator.step("import the children's census; register the case system of Connecting Families"):
        federation.prepare_council(systems)
    with narrator.step("start the case systems and the six nodes, and wait until all are ready"):
        federation.start_nodes(systems.servers)
    agreement = signing.tell(narrator, federation, known, today)
    return Scene(narrator=narrator, federation=federation, truth=known, agreement=agreement, seed=seed)


def _sum_up(narrator: Narrator) -> int:
    narrator.section("In sum")
    count = narrator.met + len(narrator.failed)
    narrator.say(f"{narrator.met} of {count} expectations were met.")
    for statement in narrator.failed:
        narrator.show(f"✗ {statement}")
    return 1 if narrator.failed else 0


@contextmanager
def _stopping(processes: Processes, narrator: Narrator) -> Iterator[Processes]:
    """End every process at the end, with further signals held off meanwhile."""
    try:
        yield processes
    finally:
        _on_signals(signal.SIG_IGN)
        began = monotonic()
        processes.stop_all()
        with suppress(BrokenPipeError):
            narrator.show("", f"Every process is stopped ({monotonic() - began:.1f} s).")


def _on_signals(handler: object) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, handler)  # type: ignore[arg-type]  # a handler of ours or SIG_IGN


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _tidy(narrator: Narrator, root: Path, *, failed: bool) -> None:
    if failed:
        with suppress(BrokenPipeError):
            narrator.show("", f"Everything is kept in {root}; each process's log is in {root / 'logs'}.")
    else:
        shutil.rmtree(root, ignore_errors=True)
