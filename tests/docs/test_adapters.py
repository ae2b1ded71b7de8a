"""What the page on adapters says of settings, hooks and examples is what the adapters have."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from adapters import contract
from adapters.conformance import Samples, run
from adapters.contract import AdapterContext, HttpCaller
from adapters.loading import adapter_types
from adapters.sectors.jobcentre import JobcentreSettings
from adapters.sectors.police import PoliceSettings
from adapters.sectors.social_care import ALLOCATION_COLUMNS, SocialCareSettings
from adapters.sources.dci import DciSettings
from adapters.sources.json_file import ContactSettings, JsonFileSettings
from adapters.sources.paths import JsonPath
from adapters.sources.sql_settings import InvolvementColumns, PersonColumns, SqlSettings
from config.settings import Service
from gateway.peers.caller import CaseSystemCaller
from gateway.peers.transport import client_tls
from tests.docs.pages import blocks, column, example, page, section, table, tables
from trust.exchange.person import Subject

PAGE = page("adapters.md")
MODELS: list[tuple[str, int, type[BaseModel]]] = [
    ("Type `sql`", 0, SqlSettings),
    ("Type `sql`", 1, PersonColumns),
    ("Type `sql`", 2, InvolvementColumns),
    ("Type `json-file`", 0, JsonFileSettings),
    ("Type `json-file`", 1, ContactSettings),
    ("Type `social-care-cin`", 0, SocialCareSettings),
    ("Type `jobcentre`", 0, JobcentreSettings),
    ("Type `jobcentre`", 1, DciSettings),
    ("Type `police-soap`", 0, PoliceSettings),
]


def written(field: FieldInfo) -> str:
    """Return a default as the page writes it."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, JsonPath):
        return "the record"
    return "none" if default is None else f"`{default}`"


@pytest.mark.parametrize(("heading", "number", "model"), MODELS)
def test_each_table_of_settings_is_its_model(heading: str, number: int, model: type[BaseModel]) -> None:
    rows = list(tables(section(PAGE, heading)))[number]
    fields = {name: written(field) for name, field in model.model_fields.items()}
    assert {row[0].strip("`"): row[1] for row in rows} == fields


def test_the_types_are_those_that_are_installed() -> None:
    listed = column(table(section(PAGE, "Types")))
    ours = {name for name, point in adapter_types().items() if point.value.startswith("adapters.")}
    assert set(listed) == ours
    for name in listed:
        section(PAGE, f"Type `{name}`")


def test_the_columns_of_the_allocation_table_are_the_importers() -> None:
    rows = list(tables(section(PAGE, "Type `social-care-cin`")))[1]
    assert dict(zip(column(rows), column(rows, 1), strict=True)) == ALLOCATION_COLUMNS


def test_the_hooks_are_those_of_the_contract() -> None:
    rows = table(section(PAGE, "Write an adapter"))
    for hook, of in zip(column(rows), column(rows, 1), strict=True):
        owner = vars(contract)[of.partition(".")[0]]
        named = of.partition(".")[2] or hook
        assert named in {*vars(owner), *owner.__annotations__}, hook
    described = set(column(rows))
    protocols = (
        contract.AdapterFactory,
        contract.Finder,
        contract.InvolvementSource,
        contract.SampledSource,
        contract.EligibilitySource,
    )
    public = {name for each in protocols for name in {*vars(each), *each.__annotations__} if not name.startswith("_")}
    assert public <= described


def test_each_service_in_the_examples_is_well_formed() -> None:
    models: dict[str, type[BaseModel]] = {"sql": SqlSettings, "json-file": JsonFileSettings}
    found: set[str] = set()
    for block in blocks(PAGE):
        document = tomllib.loads(block.text) if block.language == "toml" else {}
        for service in document.get("services", []) if isinstance(document.get("services"), list) else []:
            Service.model_validate(service)
        if "services" in document:
            services = document["services"]
            adapter = (services[0] if isinstance(services, list) else services)["adapter"]
            models[adapter["type"]].model_validate(adapter["settings"])
            found.add(adapter["type"])
    assert found == set(models)


def test_the_adapter_on_the_page_keeps_every_promise(tmp_path: Path) -> None:
    (tmp_path / "club.txt").write_text("17;Quill;Oren Tamsin;2009-04-02;Bea Marsh;01632 960150\n", encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "club"}
    exec(compile(example(PAGE, "adapter"), "adapters.md", "exec"), namespace)  # noqa: S102 - our own page
    factory = namespace["FACTORY"]
    http: HttpCaller = CaseSystemCaller(tls=client_tls(None), names=frozenset(), hosts={})
    context = AdapterContext(
        organisation="Vale Youth Club",
        service="youth-club",
        service_kind="youth-work",
        duty_phone="01632 960151",
        base_dir=str(tmp_path),
        http=http,
    )
    adapter = factory.build(factory.settings_model.model_validate({"file": "club.txt"}), context)
    known = Subject(family_name="Quill", given_names="Oren Tamsin", birth_date=date(2009, 4, 2))
    lines = run(adapter, Samples(known=known))
    assert [line for line in lines if not line.ok] == []


def test_the_entry_point_on_the_page_is_in_the_group_that_is_loaded() -> None:
    assert re.search(r'entry-points\."hearthgate\.adapters"', PAGE)
