"""The glossary has one entry for each term, in order, each in one sentence and with its source."""

import re

from tests.docs.pages import DOCS, ROOT, page, profile_pages, section, tables

PAGE = page("glossary.md")
TERMS, AVOIDED = (list(rows) for rows in tables(PAGE))


def test_the_terms_are_in_alphabetical_order_once() -> None:
    terms = [row[0] for row in TERMS]
    assert len(terms) > 60
    assert terms == sorted(set(terms), key=str.casefold)


def test_each_term_has_one_sentence_and_a_source() -> None:
    for term, meaning, source in TERMS:
        assert len(re.findall(r"[.?](?= |$|\")", meaning.replace('?" ', '" '))) == 1, term
        assert meaning.endswith("."), term
        assert len(meaning.split()) <= 25, term
        assert source, term


def test_what_is_written_instead_is_a_term() -> None:
    terms = {row[0] for row in TERMS}
    for word, instead in AVOIDED:
        assert instead.partition(",")[0] in {*terms, "API"}, word


def test_the_documents_use_the_terms() -> None:
    prose = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)
    named = [DOCS / f"{name}.md" for name in ("README", "adapters", "case-api", "glossary", "security")]
    for path in [ROOT / "README.md", *named, *(DOCS / "operating").glob("*.md"), *profile_pages()]:
        text = path.read_text(encoding="utf-8")
        text = prose.sub("", text.replace(section(PAGE, "Words that the documents avoid"), ""))
        if path.name != "commands.md":  # its table is the commands' own help
            assert not re.findall(r"\b(?:faces?|keepers?|ledgers?|the cut)\b", text), path.name
