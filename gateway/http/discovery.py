"""The documents by which clients find out what stands where on a face."""

from flask import Blueprint, Response

from gateway.web.bodies import JSON
from gateway.web.guards import open_to_all
from trust import strict_json
from trust.strict_json import JsonObject


def publish(blueprint: Blueprint, path: str, document: JsonObject) -> None:
    """Serve a document that is the same for everybody for as long as the process runs."""
    body = strict_json.dumps(document)

    @open_to_all("discovery: public by its standard")
    def serve() -> Response:
        return Response(body, content_type=JSON)

    blueprint.add_url_rule(path, endpoint=path.strip("/").replace("/", "-").replace(".", ""), view_func=serve)
