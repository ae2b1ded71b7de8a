"""A configuration names an adapter type; what is wrong with it is said whole, before any case system is opened."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import BaseModel

from adapters.contract import Adapter, AdapterContext, SourceMisconfigured
from adapters.loading import GROUP, adapter_types, add_receiver, build_adapter

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


class Install:
    """Install a package of nothing but entry points, as pip would."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        monkeypatch.syspath_prepend(str(folder))

    def __call__(self, package: str, **points: str) -> None:
        info = self._folder / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "\n".join(f"{name} = {value}" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}\n")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    folder = tmp_path / "site"
    folder.mkdir()
    return Install(folder, monkeypatch)


def test_every_adapter_type_that_the_project_offers_can_be_loaded() -> None:
    offered = tomllib.loads(PROJECT.read_text())["project"]["entry-points"][GROUP]
    assert set(offered) == {
        "drop-folder",
        "jobcentre",
        "json-file",
        "police-soap",
        "social-care-cin",
        "sql",
        "sql-insert",
        "webhook",
    }
    for name, value in offered.items():
        factory = EntryPoint(name=name, value=value, group=GROUP).load()
        assert issubclass(factory.settings_model, BaseModel)
        assert factory.settings_model.model_config.get("extra") == "forbid"
        assert callable(factory.build)


def test_a_type_is_built_from_its_settings_and_opens_nothing(install: Install, context: AdapterContext) -> None:
    install("acme", **{"acme-json": "adapters.sources.json_file:FACTORY"})
    settings = {"file": "gone.json", "records": "r[]", "ref": "id", "person": {"nhs_number": "n"}, "contacts": [{}]}
    adapter = build_adapter("acme-json", settings, context)
    assert adapter.involvement is not None


def test_a_receiver_goes_with_the_sources_of_another_type(install: Install, context: AdapterContext) -> None:
    install(
        "acme", **{"acme-drop": "adapters.receivers.drop_folder:FACTORY", "acme-sql": "adapters.sources.sql:FACTORY"}
    )
    adapter = add_receiver(Adapter(name="none"), "acme-drop", {"folder": "gone"}, context)
    assert adapter.receiver is not None
    assert len(adapter.checks) == 1
    with pytest.raises(SourceMisconfigured, match="takes messages itself"):
        add_receiver(adapter, "acme-drop", {"folder": "gone"}, context)


def test_a_type_without_a_receiver_and_mistakes_in_a_receivers_settings_are_refused(
    install: Install, context: AdapterContext
) -> None:
    install(
        "acme",
        **{"acme-json": "adapters.sources.json_file:FACTORY", "acme-drop": "adapters.receivers.drop_folder:FACTORY"},
    )
    settings = {"file": "gone.json", "records": "r[]", "ref": "id", "person": {"nhs_number": "n"}, "contacts": [{}]}
    with pytest.raises(SourceMisconfigured, match="takes no messages"):
        add_receiver(Adapter(name="none"), "acme-json", settings, context)
    with pytest.raises(SourceMisconfigured) as refused:
        add_receiver(Adapter(name="none"), "acme-drop", {"format": "csv"}, context)
    assert [fault.split(":")[:2] for fault in refused.value.faults] == [
        ["receiver", " folder"],
        ["receiver", " format"],
    ]


def test_an_unknown_type_is_refused_with_those_that_are_installed(install: Install, context: AdapterContext) -> None:
    install("acme", **{"acme-json": "adapters.sources.json_file:FACTORY"})
    with pytest.raises(SourceMisconfigured, match=r"no adapter type 'sqll'.*acme-json"):
        build_adapter("sqll", {}, context)


def test_a_type_that_two_packages_offer_is_refused(install: Install, context: AdapterContext) -> None:
    install("acme", **{"acme-json": "adapters.sources.json_file:FACTORY"})
    install("evil", **{"acme-json": "adapters.sources.sql:FACTORY"})
    with pytest.raises(SourceMisconfigured) as refused:
        build_adapter("acme-json", {}, context)
    assert "acme (" in refused.value.detail
    assert "evil (" in refused.value.detail
    assert len(refused.value.faults) == 1


def test_the_same_package_seen_twice_is_no_duplicate(install: Install) -> None:
    install("acme", **{"acme-json": "adapters.sources.json_file:FACTORY"})
    install("acme2", **{"acme-json": "adapters.sources.json_file:FACTORY"})
    assert "acme-json" in adapter_types()


@pytest.mark.parametrize("value", ["adapters.nowhere:FACTORY", "adapters.sources.sql:NOTHING"])
def test_a_type_that_cannot_be_imported_is_refused(install: Install, context: AdapterContext, value: str) -> None:
    install("acme", broken=value)
    with pytest.raises(SourceMisconfigured, match=r"'broken' of acme .* cannot be loaded"):
        build_adapter("broken", {}, context)


def test_five_mistakes_give_one_message_that_names_all_and_repeats_no_value(
    install: Install, context: AdapterContext
) -> None:
    install("acme", **{"acme-sql": "adapters.sources.sql:FACTORY"})
    wrong = {
        "url": "postgresql://node:hunter2@db.example/case",
        "identifiers_verified": "perhaps",
        "colour": "hunter2",
        "persons": {"table": "tenants; DROP TABLE hunter2", "ref": "id", "nhs_number": "nhs"},
        "involvements": {"table": "tenancies"},
    }
    with pytest.raises(SourceMisconfigured) as refused:
        build_adapter("acme-sql", wrong, context)
    places = {fault.split(":", 1)[0] for fault in refused.value.faults}
    assert places == {"url", "identifiers_verified", "colour", "persons.table", "involvements.ref"}
    assert all(fault in refused.value.detail for fault in refused.value.faults)
    assert "hunter2" not in refused.value.detail
