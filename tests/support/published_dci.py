"""Hold a DCI document to the OpenAPI files that are published, as they lie beside the project."""

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

BROKEN = (
    "#/paths/~1registry~1search/post/requestBody/content/application~1json/schema/properties/message/oneOf/0/properties"
)
MENDED = "#/components/schemas/SearchRequest/properties"
"""The published pointer steps through a reference, which a JSON pointer cannot; this is where it means to go."""


class PublishedApi:
    """The Integrated Beneficiary Registry and Authorization APIs."""

    def __init__(self, folder: Path) -> None:
        text = (folder / "release/yaml/ibr_api_v1.0.0.yaml").read_text("utf-8")
        assert BROKEN in text, "the published file was mended: drop our own mending"
        self.document: dict[str, Any] = yaml.safe_load(text.replace(BROKEN, MENDED))
        authorization = (folder / "release/yaml/authz_core_api_v1.0.0.yaml").read_text("utf-8")
        self.authorization: dict[str, Any] = yaml.safe_load(authorization)

    def request_faults(self, path: str, document: object) -> list[str]:
        """Return where a request breaks the published schema of ``path``."""
        operation = self.document["paths"][path]["post"]
        return self._faults(self.document, operation["requestBody"]["content"]["application/json"]["schema"], document)

    def answer_faults(self, path: str, document: dict[str, Any]) -> list[str]:
        """Return where an answer breaks the published schema of ``path``.

        For ``/registry/sync/enrolled`` the file names the schema of the message alone; the header is held to the header
        that its sister operation publishes.
        """
        if path.endswith("/enrolled"):
            schemas = self.document["components"]["schemas"]
            header = self._faults(self.document, schemas["MsgCallbackHeader_V1.0.0"], document["header"])
            return header + self._faults(self.document, schemas["EnrolledResponse"], document["message"])
        content = self.document["paths"][path]["post"]["responses"]["default"]["content"]
        return self._faults(self.document, content["application/json"]["schema"], document)

    def token_faults(self, name: str, document: object) -> list[str]:
        """Return where a token request or answer breaks the schema ``name`` of the Authorization API."""
        return self._faults(self.authorization, self.authorization["components"]["schemas"][name], document)

    def _faults(self, api: dict[str, Any], schema: dict[str, Any], document: object) -> list[str]:
        whole = {key: value for key, value in api.items() if key in {"paths", "components"}}
        return [error.json_path for error in Draft202012Validator(whole | schema).iter_errors(document)]


def sample_names(folder: Path, kind: str) -> list[Path]:
    """Return the published samples of one registry whose name ends with ``kind``, empty stubs left out."""
    samples = folder / "release/sample-jsons/assets/example_files"
    return [path for path in sorted(samples.glob(f"*/processflow*{kind}.json")) if "header" in load(path)]


def load(path: Path) -> dict[str, Any]:
    """Read a sample."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document
