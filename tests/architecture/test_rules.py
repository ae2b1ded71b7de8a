"""Each rule of the house finds what it forbids, names the place, and leaves what is allowed alone."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

import pytest

from tests.architecture import background, bans, files, messages, naming, prose, shape
from tests.architecture.source import ROOT, Module, parse

LONG_DOCSTRING = "def f():\n    '''One.\n" + "    more\n" * 60 + "    '''\n" + "    x = 1\n" * 39

# rule, path, source that breaks it, the line at fault, source that keeps it
ONE_MODULE = [
    (shape.module_length, "trust/a.py", "x = 1\n" * 451, 450, "x = 1\n" * 450),
    (shape.function_length, "trust/a.py", "\ndef f():\n" + "    x = 1\n" * 40, 2, LONG_DOCSTRING),
    (shape.parameter_count, "trust/a.py", "def f(a, b, c, d, e, f, g): ...", 1, "def f(a, b, c, *, d, e, f): ..."),
    (
        shape.parameter_count,
        "trust/a.py",
        "class C:\n  def m(self, a, b, c, *d, e, f, **g): ...",
        2,
        "class C:\n  def m(self, a, b, c, *, d, e, f): ...",
    ),
    (shape.function_imports, "gateway/a.py", "def f():\n  import json", 2, "import json\ndef f(): ..."),
    (shape.public_docstrings, "trust/a.py", "x = 1", 1, "'''Say.'''\ndef _f(): ..."),
    (
        shape.public_docstrings,
        "trust/a.py",
        "'''Say.'''\nclass C:\n  '''Say.'''\n  def m(self): ...",
        4,
        "'''Say.'''\nclass C:\n  '''Say.'''\n  @override\n  def m(self): ...",
    ),
    (shape.package_init, "trust/x/__init__.py", "'''Say.'''\nfrom trust import jose", 2, "'''Say.'''"),
    (shape.package_init, "gateway/__init__.py", "'''Say.'''\nimport os", 2, "'''Say.'''\n__version__ = '1'"),
    (
        bans.impure_names,
        "trust/a.py",
        "\nfrom datetime import datetime\ndatetime.now()",
        3,
        "from datetime import datetime",
    ),
    (bans.impure_names, "trust/a.py", "import datetime as d\nd.datetime.now(d.UTC)", 2, "import datetime as d"),
    (bans.impure_names, "trust/a.py", "import os.path", 1, "import osmosis"),
    (bans.impure_names, "trust/a.py", "from time import monotonic", 1, "from timeless import x"),
    (bans.impure_names, "trust/a.py", "import random", 1, "from cryptography import x509"),
    (bans.impure_names, "trust/a.py", "from socket import create_connection", 1, "import ipaddress"),
    (bans.impure_names, "trust/a.py", "x = open('f')", 1, "x = reopen('f')"),
    (bans.authlib_jose, "tests/a.py", "from authlib import jose", 1, "from authlib.oauth2 import rfc6749"),
    (bans.authlib_jose, "tests/a.py", "import authlib.jose.rfc7515", 1, "import authlib.josephine"),
    (bans.jose_libraries, "gateway/a.py", "from joserfc.jwk import OctKey", 1, "from trust import jose"),
    (bans.jose_libraries, "trust/keys.py", "import jwt", 1, "import jwtlike"),
    (bans.test_modules, "tests/a.py", "from tests.b.test_c import d", 1, "from tests.b.c import tested"),
    (bans.test_modules, "tests/a.py", "import tests.b.test_c", 1, "import tests.b.conftest"),
    (bans.test_modules, "tests/a.py", "from tests.b import test_c", 1, "from tests import b"),
    (bans.elapsed_times, "tests/a.py", "assert monotonic() - began < 2", 1, "assert monotonic() < end"),
    (bans.elapsed_times, "tests/a.py", "assert 1 < time.time() - began < 2", 1, "assert clock.ahead_s == 2"),
    (bans.kind_names, "gateway/exchange/a.py", "x = kind == 'involvement.query'", 1, "x = kind.name"),
    (naming.bare_participles, "gateway/a.py", "\nfound = 1", 2, "found_keys = 1\nFOUND = 2"),
    (naming.bare_participles, "gateway/a.py", "def told(): ...", 1, "def put(): ...\ndef tell(): ..."),
    (naming.bare_participles, "gateway/a.py", "def f(put): ...", 1, "def f(entry): ..."),
    (naming.bare_participles, "gateway/a.py", "x = 1\nself._held = x", 2, "x = y.held"),
    (naming.question_docstrings, "gateway/a.py", "'Who asks.'", 1, "'The caller. What it asks.'"),
    (background.companion_loops, "gateway/a.py", "def f(wait):\n  while not wait(60): ...", 2, "while f(60): ..."),
    (
        background.companion_steps,
        "gateway/a.py",
        "class K:\n  def run(self): ...\n  def round(self):\n    self.collect()",
        4,
        "class K:\n  def run(self): ...\n  def round(self):\n    self.attempt('c', lambda: self.collect())",
    ),
    (
        background.companion_steps,
        "gateway/a.py",
        "class K:\n  def run(self): self.mind()\n  def round(self): ...",
        2,
        "class K:\n  def run(self): self.m()\n  def round(self): ...\n  def m(self): self.attempt('m', self.mind)",
    ),
    (
        background.background_threads,
        "gateway/a.py",
        "def f(): ...\nThread(target=f)",
        2,
        "def f():\n  try: ...\n  except Exception: ...\nThread(target=f)",
    ),
    (
        background.background_threads,
        "gateway/a.py",
        "class B:\n  def later(self):\n    self.pool.submit(self.one)\n  def one(self): ...",
        3,
        "class B:\n  def later(self):\n    self.pool.submit(self.one)\n  def one(self): self.attempt('a', self.work)",
    ),
]

MORE_ALLOWED = [
    (shape.function_imports, "gateway/cli/a.py", "def f():\n  import json"),
    (shape.package_init, "gateway/cli/__init__.py", "'''Say.'''\nfrom gateway.cli.main import main"),
    (bans.impure_names, "gateway/a.py", "import os, time\nopen('f')"),
    (bans.jose_libraries, "trust/jose.py", "import jwt\nfrom joserfc import jwe"),
    (bans.kind_names, "gateway/lookups/a.py", "x = 'involvement.query'"),
]


def names(cases: Sequence[tuple[Callable[..., object], *tuple[object, ...]]]) -> list[str]:
    return [f"{case[0].__name__}-{number}" for number, case in enumerate(cases, 1)]


@pytest.mark.parametrize(("rule", "path", "bad", "line", "good"), ONE_MODULE, ids=names(ONE_MODULE))
def test_rule_on_one_module(rule: Callable[[Module], Iterable[str]], path: str, bad: str, line: int, good: str) -> None:
    findings = list(rule(parse(path, bad)))
    assert findings
    assert findings[0].startswith(f"{path}:{line}: ")
    assert list(rule(parse(path, good))) == []


@pytest.mark.parametrize(("rule", "path", "good"), MORE_ALLOWED, ids=names(MORE_ALLOWED))
def test_exemption(rule: Callable[[Module], Iterable[str]], path: str, good: str) -> None:
    assert list(rule(parse(path, good))) == []


def test_a_cycle_through_three_modules_is_found() -> None:
    cycle = [
        parse("trust/a.py", "from trust import b"),
        parse("trust/b.py", "import trust.c"),
        parse("trust/c.py", "from trust.a import x"),
    ]
    assert list(shape.import_cycles(cycle)) == ["trust/a.py:1: import cycle: trust.a -> trust.b -> trust.c -> trust.a"]
    assert list(shape.import_cycles(cycle[:2])) == []


def test_a_small_file_for_a_class_of_one_importer_is_found() -> None:
    small = parse("gateway/a/c.py", "class C: ...")
    user, other = parse("gateway/a/b.py", "from gateway.a.c import C"), parse("gateway/d.py", "from gateway.a import c")
    assert list(shape.small_class_files([small, user])) == [
        "gateway/a/c.py:1: a class of one importer: move it to gateway.a.b"
    ]
    assert list(shape.small_class_files([small, user, other])) == []
    large = parse("gateway/a/c.py", "class C: ..." + "\nx = 1" * 40)
    assert list(shape.small_class_files([large, user])) == []
    assert (
        list(shape.small_class_files([parse("trust/c.py", "class C: ..."), parse("gateway/a.py", "import trust.c")]))
        == []
    )


@pytest.mark.parametrize(
    "reader",
    [
        "from lxml import etree\netree.fromstring(b'')",
        "import lxml.etree as e\ne.XMLParser()",
        "from lxml.etree import parse as p\np('f')",
        "import lxml.etree\nlxml.etree.iterparse('f')",
    ],
)
def test_a_second_module_that_reads_xml_is_found(reader: str) -> None:
    home = parse("adapters/sources/xml.py", "from lxml import etree\netree.XMLParser(resolve_entities=False)")
    other = parse("gateway/b.py", reader)
    assert [finding.split(": ")[0] for finding in bans.xml_readers([home, other])] == ["gateway/b.py:2"]


def test_a_case_system_may_read_xml_in_a_module_of_its_own() -> None:
    source = "from lxml import etree\netree.XMLParser()"
    one = parse("adapters/sources/xml.py", source)
    two = parse("gateway/demo/case_systems/soap.py", source)
    three = parse("gateway/demo/case_systems/more.py", source)
    assert list(bans.xml_readers([one, two])) == []
    assert len(list(bans.xml_readers([one, two, three]))) == 1


def test_writing_xml_is_not_reading_it() -> None:
    home = parse("adapters/sources/xml.py", "from lxml import etree\netree.XMLParser()")
    other = parse("adapters/sources/soap.py", "from lxml import etree\netree.tostring(etree.Element('a'))")
    assert list(bans.xml_readers([home, other])) == []


PATH = PurePosixPath("docs/a.md")


@pytest.mark.parametrize(
    "folder", ["wor" + "k/main", "far" + "m/x", "roo" + "t/.pyenv", "home/someone/x", "tmp/" + "v/bin"]
)
def test_a_path_of_one_machine_is_found(folder: str) -> None:
    assert list(files.machine_paths(PATH, f"fine\nsee /{folder}")) != []


@pytest.mark.parametrize("text", ["a/wor" + "k", "/wor" + "kers", "https://a.example/wor" + "k", "/usr/lib/postgresql"])
def test_other_paths_are_left_alone(text: str) -> None:
    assert list(files.machine_paths(PATH, text)) == []


@pytest.mark.parametrize("text", ["https://pypi" + ".org/simple", "--index" + "-url x", "files.pythonhosted" + ".org"])
def test_a_package_index_is_found(text: str) -> None:
    (finding,) = files.index_addresses(PATH, f"\n{text}")
    assert finding.startswith("docs/a.md:2: ")


VAGUE = ["who-m", "No-body", "some-body", "Who-ever", "what-ever", "un-asked", "a-new", "at ha-nd", "at\nha-nd"]


@pytest.mark.parametrize("word", VAGUE)
def test_a_vague_word_is_found_outside_of_blocks(word: str) -> None:
    word = word.replace("-", "")  # in pieces, as in files.py
    text = f"Fine, {word}.\n\n```json\n{word}\n```\n\nfine.\n"
    (finding,) = files.vague_words(PATH, text)
    assert finding.startswith("docs/a.md:1: ")
    text = f"```json\n{{}}\n```\n\nfine, {word}.\n"
    (finding,) = files.vague_words(PATH, text)
    assert finding.startswith("docs/a.md:5: ")


@pytest.mark.parametrize("text", ["renewed", "antibody", "a flat handle"])
def test_other_words_are_left_alone(text: str) -> None:
    assert list(files.vague_words(PATH, text)) == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("fix the clock", "write the subject as"),
        ("docs : name it", "write the subject as"),
        ("Docs: name it", "write the subject as"),
        ("docs:name it", "write the subject as"),
        ('Revert "docs: name it"', "write the subject as"),
        ("docs: " + "x" * 55, "the subject has 61 characters"),
        ("docs: Name it", "write lower case"),
        ("docs: name it.", "end the subject without"),
        ("docs, stuff: name it", "stuff is no area"),
        ("docs: name it\nbecause", "leave the second line empty"),
    ],
)
def test_a_commit_message_out_of_form_is_found(message: str, reason: str) -> None:
    (finding,) = messages.message_form(messages.Commit(name="1234567", message=message))
    assert finding.startswith(f"1234567: {reason}")


@pytest.mark.parametrize(
    "message", ["docs: " + "x" * 54, "docs, social care: name it: once", "sign-in: name it\n\nWhy. Because."]
)
def test_a_commit_message_in_form_is_left_alone(message: str) -> None:
    assert list(messages.message_form(messages.Commit(name="1234567", message=message))) == []


def test_a_copy_without_the_history_cannot_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LAST_EXEMPT", "0" * 40)
    with pytest.raises(messages.NoHistoryError, match="0000000"):
        messages.new_commits()


@pytest.mark.skipif(not shutil.which("git"), reason="git is missing")
def test_a_shallow_clone_cannot_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shallow = tmp_path / "shallow"
    cloned = subprocess.run(
        ["git", "clone", "-q", "--depth", "1", "--no-checkout", f"file://{ROOT}", shallow], check=False
    )
    if cloned.returncode:
        pytest.skip("this is no git clone")
    monkeypatch.setattr(messages, "ROOT", shallow)
    with pytest.raises(messages.NoHistoryError, match="shallow"):
        messages.new_commits()


@pytest.mark.parametrize("word", VAGUE)
def test_a_vague_word_is_found_in_docstrings_comments_and_names(word: str) -> None:
    word = word.replace("-", "").replace("\n", " ")
    name = f"test_{word.lower().replace(' ', '_')}_answers"
    source = f"'''Say.'''\ndef {name}():\n    '''{word}.'''\n    pass  # {word}"
    found = [finding.split(": ")[0] for finding in prose.vague_sentences(parse("tests/a.py", source))]
    assert sorted(found) == ["tests/a.py:2", "tests/a.py:3", "tests/a.py:4"]
    assert list(prose.vague_sentences(parse("tests/a.py", f"x = '{word}'"))) == []


HASH = f"    --hash=sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("lock", "line"),
    [
        ("flask==3.1.3\n", 1),
        (f"flask==3.1.3 \\\nclick==8 \\\n{HASH}\n", 1),
        (f"flask>=3 \\\n{HASH}\n", 1),
        ("# from https://a.example\n", 1),
        ("--no-binary x\n", 1),
        (f"flask @ https://a.example/f.whl \\\n{HASH}", 1),
    ],
)
def test_a_loose_lock_is_found(lock: str, line: int) -> None:
    finding = next(files.lock_hashes(PurePosixPath("requirements/a.txt"), lock))
    assert finding.startswith(f"requirements/a.txt:{line}: ")


def test_a_tight_lock_is_left_alone() -> None:
    lock = f"# by ./run lock\nflask==3.1.3 ; sys_platform == 'linux' \\\n{HASH} \\\n{HASH}\n    # via x\n"
    assert list(files.lock_hashes(PurePosixPath("requirements/a.txt"), lock)) == []


def test_a_folder_without_a_readme_is_found() -> None:
    paths = [PurePosixPath(name) for name in ("trust/jose.py", "trust/README.md", "trust/oauth/dpop_proof.py")]
    found = [finding.split(":")[0] for finding in files.folder_readmes(paths)]
    assert "trust/oauth/README.md" in found
    assert "trust/README.md" not in found


def test_a_newcomer_at_the_top_is_found() -> None:
    paths = [PurePosixPath("run"), PurePosixPath("setup.py"), PurePosixPath("trust/a.py")]
    assert [finding.split(":")[0] for finding in files.top_level(paths, frozenset({"run", "trust"}))] == ["setup.py"]


def test_an_unknown_run_command_is_found() -> None:
    text = "Type `./run demo` and\n`./run dmeo`."
    assert list(files.run_commands(PATH, text, frozenset({"demo"}))) == ["docs/a.md:2: ./run has no command dmeo"]


def test_an_unknown_hearthgate_command_is_found() -> None:
    tree: files.CommandTree = {"serve": {}, "trust": {"admit": {}}}
    text = """`hearthgate serve`, `./run hearthgate trust admit council`
```
hearthgate trust admti council
```
In prose hearthgate is a name. `hearthgate sevre`"""
    assert list(files.hearthgate_commands(PATH, text, tree)) == [
        "docs/a.md:3: there is no command hearthgate trust admti",
        "docs/a.md:5: there is no command hearthgate sevre",
    ]


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "run").touch()
    text = "[one](../run) [two](https://a.example/b)\n[three](#here) [four](gone.md)"
    assert list(files.broken_links(PATH, text, tmp_path)) == ["docs/a.md:2: links to gone.md, which does not exist"]


def test_an_unexplained_package_is_found() -> None:
    lines = "# why\n-r runtime.in\nflask>=3\npsycopg[binary]\nleft-pad"
    found = list(
        files.unexplained_packages(PurePosixPath("requirements/a.in"), lines, "| flask, psycopg | left | pad |")
    )
    assert [finding.split(": ")[0] for finding in found] == ["requirements/a.in:5"]


def test_a_class_name_is_used_once() -> None:
    one, other = parse("trust/a.py", "class Claim: ..."), parse("gateway/b.py", "x = 1\nclass Claim: ...")
    assert list(naming.repeated_classes([one, other])) == ["gateway/b.py:2: Claim is another class in trust/a.py"]
    private = parse("gateway/b.py", "class _Claim: ...")
    assert list(naming.repeated_classes([one, private])) == []
