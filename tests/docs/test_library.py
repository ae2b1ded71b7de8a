"""The example in the README of `trust.federation` runs as it stands, prints what is written, and needs no server."""

import subprocess
import sys

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "trust" / "federation" / "README.md"
ALONE = """
import sys
print(sorted({name.partition(".")[0] for name in sys.modules} & {"gateway", "adapters", "config", "flask", "requests"}))
"""


def test_the_example_of_the_library_prints_what_is_written_there() -> None:
    code, printed = blocks(PAGE.read_text(encoding="utf-8"))
    assert (code.language, printed.language) == ("python", "text")
    command = [sys.executable, "-c", code.text + ALONE]
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    assert ran.stdout == f"{printed.text}[]\n"
