"""Open all that a node keeps sealed, with its own keys, to see what it holds."""

from contextlib import closing

from pysqlite3 import dbapi2

from tests.simulator.network import Network
from trust.base64url import decode
from trust.identifiers import EntityId
from trust.sealing import open_sealed
from trust.strict_json import JsonObject, loads

_MAX = 262_144


def everything_sealed(network: Network, entity: EntityId) -> list[JsonObject]:
    """Return every sealed record of a node: lookups with their answers, accounts of questions, replies' claims."""
    vault = network.nodes[entity].vault
    key = vault.seal_key()
    found: list[JsonObject] = []
    with closing(dbapi2.connect(str(network.folder_of(entity) / "data" / "node.db"))) as connection:
        for lookup_id, state, sealed in connection.execute("SELECT id, state, sealed_request FROM lookups"):
            found.append(loads(open_sealed(key, sealed, f"lookup {lookup_id} request".encode()), max_bytes=_MAX))
            assert state in {"running", "complete"}
        for lookup_id, service, sealed in connection.execute("SELECT lookup_id, service, sealed FROM lookup_answers"):
            found.append(loads(vault.open_of_a_day(sealed, f"lookup {lookup_id} {service}".encode()), max_bytes=_MAX))
        for issuer, jti, sealed in connection.execute("SELECT issuer, jti, sealed_reply FROM messages"):
            reply = vault.open_of_a_day(sealed, f"reply {issuer} {jti}".encode())
            found.append(loads(decode(reply.split(b".")[1], "payload"), max_bytes=_MAX))
    return found
