"""Children's social care: an empty case database, its adapter, and a way to import into it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.contract import Adapter, AdapterContext
from adapters.sectors.social_care import FACTORY, SocialCareSettings
from adapters.sectors.social_care_import import ImportReport, import_census
from tests.support.cin_census import HEADER, NOW, REDUCED, RunImport


@pytest.fixture
def care_settings() -> SocialCareSettings:
    return SocialCareSettings(database=Path("care.db"), schemas={2022: REDUCED})


@pytest.fixture
def care_adapter(care_settings: SocialCareSettings, context: AdapterContext) -> Adapter:
    return FACTORY.build(care_settings, context)


@pytest.fixture
def run_import(tmp_path: Path, care_settings: SocialCareSettings) -> RunImport:
    def importing(xml: str, rows: Sequence[str]) -> ImportReport:
        (tmp_path / "census.xml").write_text(xml)
        (tmp_path / "allocations.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        return import_census(
            care_settings,
            base_dir=tmp_path,
            census=tmp_path / "census.xml",
            allocations=tmp_path / "allocations.csv",
            now=NOW,
        )

    return importing
