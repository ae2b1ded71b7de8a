"""Documents about an agreement for lawyers, the public and practitioners, what a version changes, and the register."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from config.settings import NodeSettings
from gateway.administration.agreements import versions_of
from gateway.administration.context import now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.rendering.agreement_text import agreement_text
from gateway.agreements.rendering.assessment import impact_assessment
from gateway.agreements.rendering.briefing import briefing
from gateway.agreements.rendering.controllers import controllers
from gateway.agreements.rendering.document import Document, Language
from gateway.agreements.rendering.html import to_html
from gateway.agreements.rendering.markdown import to_markdown
from gateway.agreements.rendering.matrix import matrix
from gateway.agreements.rendering.notices import leaflet, privacy_notice
from gateway.agreements.rendering.processing_record import processing_record
from gateway.agreements.rendering.public_register import RegisterEntry, register_json, register_page
from trust.agreements.agreement import Agreement, AgreementSignature, InForce, parse_agreement
from trust.agreements.difference import compare

_GAPS = "A place that only a person can complete is marked as a gap. Welsh is marked as unreviewed."


def render(source: str, settings: NodeSettings | None, folder: Path) -> UseCaseResult:
    """Write every document of an agreement into ``folder``, which is new or empty.

    ``source`` is a file, or the id of an agreement of the node of ``settings``. Raises ``TrustError`` and
    :class:`OperationRefused`.
    """
    agreement, signatures = _find(source, settings)
    return _write_all(folder, dict(_documents(agreement, signatures)), _GAPS)


def compare_versions(old: str, new: str, settings: NodeSettings | None) -> UseCaseResult:
    """Say what ``new`` permits, forbids and changes of ``old``; both are files, or ids at the node of ``settings``.

    Raises ``TrustError`` and :class:`OperationRefused`.
    """
    before, after = (_find(each, settings)[0] for each in (old, new))
    difference = compare(before, after)
    parts = {
        "It newly permits": difference.permitted,
        "It no longer permits": difference.forbidden,
        "It changes": difference.changed,
    }
    lines = [
        line
        for heading, sentences in parts.items()
        if sentences
        for line in (f"{heading}:", *(f"  {each}" for each in sentences))
    ]
    return UseCaseResult(
        lines=lines or difference.sentences,
        data={"permitted": difference.permitted, "forbidden": difference.forbidden, "changed": difference.changed},
    )


def export_register(settings: NodeSettings, folder: Path) -> UseCaseResult:
    """Write the public register of what is in force into ``folder``. Raises :class:`OperationRefused`."""
    at = now()
    with opened_store(settings) as store:
        registry = AgreementRegistry(store)
        entries = [
            RegisterEntry(agreement=each.agreement, signatures=registry.signatures(each.agreement.ref, now=at))
            for each in registry.in_force(now=at)
        ]
    agency, on = settings.node.name, at.date()
    files = {
        "index.html": to_html(register_page(entries, agency=agency, on=on)),
        "register.json": register_json(entries, agency=agency, on=on),
    }
    return _write_all(folder, files, f"{len(entries)} agreements are in force.")


def _find(source: str, settings: NodeSettings | None) -> tuple[Agreement, tuple[AgreementSignature, ...]]:
    """Return the document in a file, or the version that the node holds: the one in force, else the highest."""
    file = Path(source)
    if file.is_file():
        return parse_agreement(read_input(file, "The agreement")), ()
    if settings is None:
        raise OperationRefused(f"{source} is no file; name one, or a node with --config that holds the agreement.")
    with opened_store(settings) as store:
        registry = AgreementRegistry(store)
        versions = versions_of(registry, source)
        standing = next((each for each in versions if isinstance(each, InForce)), versions[-1])
        return standing.agreement, registry.signatures(standing.agreement.ref, now=now())


def _documents(agreement: Agreement, signatures: tuple[AgreementSignature, ...]) -> Iterator[tuple[str, bytes]]:
    documents: dict[str, Document] = {
        "agreement": agreement_text(agreement, signatures),
        "briefing": briefing(agreement),
        "controllers": controllers(agreement),
        "impact-assessment": impact_assessment(agreement),
    }
    for language in Language:
        documents[f"privacy-notice.{language}"] = privacy_notice(agreement, language)
        documents[f"leaflet.{language}"] = leaflet(agreement, language)
    for name, document in documents.items():
        yield f"{name}.html", to_html(document)
        yield f"{name}.md", to_markdown(document)
    yield "processing-record.csv", processing_record(agreement)
    yield "matrix.svg", matrix(agreement)


def _write_all(folder: Path, files: Mapping[str, bytes], remark: str) -> UseCaseResult:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OperationRefused(f"{folder} is not empty; name a new folder, so that no document is replaced.")
    except OSError as failed:
        raise OperationRefused(f"{folder} cannot be written ({failed.strerror}).") from failed
    for name, content in files.items():
        write_new(folder / name, content, "The document")
    names = sorted(files)
    return UseCaseResult(
        lines=[f"Written to {folder}: {', '.join(names)}", remark], data={"folder": str(folder), "files": names}
    )
