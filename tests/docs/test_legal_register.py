"""The page of the legal register is the register."""

from tests.docs import legal_page
from tests.docs.pages import column, tables
from trust.agreements.legal_register import REGISTER


def test_the_page_is_made_from_the_register() -> None:
    assert legal_page.PAGE.read_text(encoding="utf-8") == legal_page.as_markdown()


def test_every_code_has_its_line() -> None:
    listed = [code for rows in tables(legal_page.as_markdown()) for code in column(rows)]
    assert sorted(listed) == sorted(entry.code for entry in REGISTER)
