"""The operator's pages name the settings, commands, files, metrics and certificates that the code has."""

import inspect
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from prometheus_client import Counter
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config import calendar, on_call, settings, sign_in
from config.loading import _SCALAR_TABLES
from gateway.accountability import enumeration
from gateway.administration import journal
from gateway.administration.checks import doctor
from gateway.administration.flags import MEANINGS
from gateway.cli import main
from gateway.cli.main import LazyGroup
from gateway.keys.files import KeyFile
from gateway.oauth import forms
from gateway.server.supervisor import GRACEFUL_S
from gateway.store.engine import postgres_pool
from gateway.store.engine.sqlite_files import SqliteFiles
from gateway.store.engine.write_queue import WriteLimits
from gateway.telemetry import metrics
from gateway.telemetry.logging import ALLOWED
from tests.docs.handshake import handshake
from tests.docs.pages import blocks, codes, column, page, section, table
from trust.agreements.enumeration import THRESHOLDS

CONFIGURATION = page("operating/configuration.md")
MONITORING = page("operating/monitoring.md")
TABLES: dict[str, type[BaseModel]] = {
    "`[node]`": settings.NodeIdentity,
    "`[anchor]`": settings.AuthorityIdentity,
    "`[peer]`": settings.PeerFaceSettings,
    "`[case]`": settings.CaseFaceSettings,
    "`[operations]`": settings.OperationsFaceSettings,
    "`[store]`": settings.StoreSettings,
    "`[keys]`": settings.KeySettings,
    "`[trust]`": settings.TrustSettings,
    "`[[trust.anchors]]`": settings.Anchor,
    "`[marks]`": settings.MarkSettings,
    "`[[marks.issues]]`": settings.IssuedMarks,
    "`[[marks.accredited]]`": settings.AccreditedMarksSettings,
    "`[freshness]`": settings.FreshnessSettings,
    "`[hosts]`": settings.HostException,
    "`[networks]`": settings.NetworkException,
    "`[proxy]`": settings.ProxySettings,
    "`[case_systems]`": settings.CaseSystemsSettings,
    "`[[services]]`": settings.Service,
    "`[services.adapter]`": settings.AdapterSettings,
    "`[services.receiver]`": settings.ReceiverSettings,
    "`[[services.restrictions]]`": settings.LocalRestriction,
    "`[services.hours]` and `[calendar.hours]`": calendar.HoursSettings,
    "`[services.out_of_hours]`": calendar.OutOfHoursSettings,
    "`[services.on_call]`": on_call.OnCallSettings,
    "`[services.on_call.mail]`": on_call.MailSettings,
    "`[services.on_call.webhook]`": on_call.WebhookSettings,
    "`[calendar]`": calendar.CalendarSettings,
    "`[plays]`": settings.PlaysSettings,
    "`[limits]`": settings.LimitsSettings,
    "`[identity]`": sign_in.IdentitySettings,
    "`[[identity.providers]]`": sign_in.ProviderSettings,
    "`[identity.providers.second_factor]`": sign_in.SecondFactorValues,
    "`[budgets.asking]` and `[budgets.answering]`": settings.Allowances,
}


def written(field: FieldInfo) -> str:
    """Return a default as the page writes it."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None:
        return "none"
    if isinstance(default, BaseModel):
        return "its own"
    return f"`{json.dumps(default) if isinstance(default, tuple) else default}`"


@pytest.mark.parametrize("heading", TABLES)
def test_each_table_of_settings_is_its_model(heading: str) -> None:
    rows = table(section(CONFIGURATION, heading))
    assert {row[0].strip("`"): row[1] for row in rows} == {
        name: written(field) for name, field in TABLES[heading].model_fields.items()
    }


def test_every_table_of_the_file_is_described() -> None:
    described = {
        name for heading in re.findall(r"(?m)^## (`.*)", CONFIGURATION) for name in re.findall(r"\w+", heading)
    }
    whole = settings.NodeSettings.model_fields.keys() | settings.AnchorSettings.model_fields.keys()
    assert whole - {"role", "base_dir"} <= described


def test_the_overlaid_tables_are_listed() -> None:
    sentence = re.search(r"Variables exist for the tables(.*?)\. ", CONFIGURATION, re.DOTALL)
    assert sentence is not None
    assert set(codes(sentence[1])) == _SCALAR_TABLES


def leaf_commands(command: click.Command, words: str) -> Iterator[tuple[str, str]]:
    """Yield each command with the sentence that its group's help gives it."""
    assert isinstance(command, LazyGroup)
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from leaf_commands(found, f"{words} {name}")
        else:
            yield f"{words} {name}", command.summary(name)


def test_the_table_of_commands_is_the_help() -> None:
    rows = table(page("operating/commands.md"))
    assert {row[0].strip("`"): row[1] for row in rows} == dict(leaf_commands(main, "hearthgate"))


def test_every_flag_is_explained() -> None:
    rows = {row[0].strip("`"): row[1] for row in table(section(page("operating/accounting.md"), "Flags"))}
    assert rows.keys() == MEANINGS.keys()
    words = {4: "a fourth address", 6: "six numbers", 8: "eight"}
    for pattern, threshold in THRESHOLDS.items():
        assert words.get(threshold.values, str(threshold.values)) in rows[pattern], pattern
        assert threshold.per is None or f"for each {threshold.per} questions" in rows[pattern]
    assert f"{enumeration._LEAST_UNUSUAL} times or more" in rows[enumeration.OVER_BASELINE]
    for word, (least, before) in enumeration._LEAST.items():
        code = enumeration._CODES[word]
        assert f"{least} " in rows[code]
        assert str(before) in rows[code]


def test_every_section_of_the_doctor_is_described() -> None:
    described = {row[0] for row in table(section(MONITORING, "The doctor"))}
    yielded = {
        title
        for file in Path(doctor.__file__).parent.glob("*.py")
        for title in re.findall(r'yield "([A-Z][^"]+)", ', file.read_text(encoding="utf-8"))
    }
    assert yielded - {"Clock", "Members"} == described


def test_the_key_files_are_the_vaults() -> None:
    assert column(table(section(page("operating/keys.md"), "Key files"))) == list(KeyFile)


def test_the_metrics_and_their_labels_are_the_exposed_ones() -> None:
    import_module("gateway.app.node")  # with it come all that have metrics
    exposed = {}
    for metric in metrics.shared_registry._names_to_collectors.values():
        name = str(vars(metric)["_name"]) + ("_total" if isinstance(metric, Counter) else "")
        exposed[name] = list(vars(metric)["_labelnames"])
    rows = table(section(MONITORING, "Health, metrics and logs"))
    assert {row[0].strip("`"): codes(row[1]) for row in rows} == exposed


def test_the_members_of_a_log_line_are_the_closed_list() -> None:
    sentence = re.search(r"A log line has some of these fields and no\s+others:(.*?)\. No", MONITORING, re.DOTALL)
    assert sentence is not None
    assert set(codes(sentence[1])) == ALLOWED


def test_the_files_of_the_store_have_the_names_of_the_pages() -> None:
    files = SqliteFiles(database=Path("data/node.db"))
    retention = page("operating/retention.md")
    assert f"`{files.claims}`" in retention
    assert f"`{files.lock}`" in retention


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
def test_the_certificates_of_the_pages_pass_our_own_verification(tmp_path: Path) -> None:
    (recipe,) = [block.text for block in blocks(page("operating/tls.md")) if block.language == "sh"]
    subprocess.run(["sh", "-eu"], input=recipe, text=True, cwd=tmp_path, check=True, capture_output=True)
    for host in ("council.example", "case.council.example"):
        handshake(tmp_path / "council.pem", tmp_path / "council.key", ca=tmp_path / "ca.pem", host=host)


def test_the_numbers_and_names_on_the_pages_are_the_codes() -> None:
    for name, claim in {
        "administrators": f"`{journal.FILE}`",
        "incidents": f"Below {WriteLimits().reserve_bytes // 2**20} MB of free disk",
        "processes": f"be answered, {GRACEFUL_S} s at most",
        "reverse-proxy": f"bodies of {round(forms.MAX_BODY / 1000)} kB",
    }.items():
        assert claim in " ".join(page(f"operating/{name}.md").split()), name


def test_what_a_postgresql_server_must_have_is_what_the_store_demands() -> None:
    prose = " ".join(page("operating/postgresql.md").split())
    for setting in re.findall(r"'([a-z_]+)'", postgres_pool._DURABLE.partition(" AND ")[0]):
        assert f"`{setting}`" in prose
    sizes = inspect.signature(postgres_pool.make_engine).parameters
    each = sizes["size"].default + sizes["more"].default
    assert f"each process opens up to {2 * each}, {each} of them for single-use ids" in prose
