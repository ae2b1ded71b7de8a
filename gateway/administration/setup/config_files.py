"""Configuration files that set-up writes, from ``config/templates``."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import config
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from gateway.administration.setup.exemptions import ExemptionOptions, exemption_tables

TEMPLATES = Path(config.__file__).parent / "templates"
_LATER = ("tls/certificate.pem", "tls/key.pem")
"""Where certificate and key of the listeners are expected, in the folder."""
_WORD = re.compile(r"@([A-Z_]+)@(?:(?<=TABLES@)\n\Z)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupOptions:
    """What a node and an authority both need. Without ``tls``, a certificate and its key, these come later.

    ``tables`` is a file of further tables for the configuration.
    """

    entity_id: str
    name: str
    peer_bind: str
    operations_bind: str
    exemptions: ExemptionOptions
    tls: tuple[Path, Path] | None = None
    ca: Path | None = None
    tables: Path | None = None


def render(template: str, **values: str) -> str:
    """Replace the words between ``@`` in a template, once; tables at the end bring their own newline."""
    text = (TEMPLATES / f"{template}.toml").read_text(encoding="utf-8")
    return _WORD.sub(lambda word: values[word[1].lower()], text)


def common_values(options: SetupOptions) -> dict[str, str]:
    """Return the words that each whole template has. Raises :class:`OperationRefused` for a file of tables."""
    certificate, key = (str(path.absolute()) for path in options.tls) if options.tls else _LATER
    ca = '# ca = "ca.pem"   # only where the partnership does not use certificates under the system\'s roots\n'
    if options.ca is not None:
        ca = f"ca = {quote(str(options.ca.absolute()))}   # instead of the system's roots\n"
    tables = exemption_tables(options.exemptions) + _read_tables(options.tables)
    words = quoted(
        entity_id=options.entity_id,
        name=options.name,
        certificate=certificate,
        key=key,
        peer_bind=options.peer_bind,
        operations_bind=options.operations_bind,
    )
    return {**words, "ca": ca, "tables": f"\n{tables}" if tables else ""}


def quoted(**values: str) -> dict[str, str]:
    """Return values as TOML strings."""
    return {name: quote(value) for name, value in values.items()}


def quote(text: str) -> str:
    """Return a TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _read_tables(path: Path | None) -> str:
    if path is None:
        return ""
    text = read_input(path, "The file of tables").decode("utf-8", errors="replace")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as malformed:
        raise OperationRefused(f"{path} is not TOML: {malformed}") from malformed
    loose = sorted(name for name, value in document.items() if not isinstance(value, dict | list))
    if loose:  # after the other tables, they would be settings of the last one
        raise OperationRefused(f"{path} holds settings outside a table: {', '.join(loose)}. Put each into its table.")
    return text
