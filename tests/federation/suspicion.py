"""A holder that looks into a message that it received."""

from dataclasses import dataclass
from typing import Any

from gateway.misuse.answers import seal_answer
from gateway.misuse.evidence import FoundMessage, received_messages, reference_of
from gateway.misuse.queries import MisuseQuerySender
from gateway.store.tables import received_misuse_queries
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, TRUST
from trust.exchange.message import RequestRef
from trust.exchange.misuse import NamedPractitioner


@dataclass
class Suspicion:
    """The trust, which looks into a message that the council sent."""

    network: Network

    def __post_init__(self) -> None:
        self.client = self.network.case_client()
        self.client.look_up()

    @property
    def message(self) -> FoundMessage:
        store, at = self.network.nodes[TRUST].store, self.network.clock.now()
        return store.read(lambda tx: next(received_messages(tx, since=at.replace(year=2020), until=_year_after(at))))

    @property
    def ref(self) -> RequestRef:
        """How the council knows it, which the trust keeps sealed."""
        holder, message = self.network.nodes[TRUST], self.message
        found = holder.store.read(lambda tx: reference_of(tx, message, key=holder.vault.seal_key()))
        assert found is not None
        return found

    def asking(self) -> MisuseQuerySender:
        holder = self.network.nodes[TRUST]
        return MisuseQuerySender(
            own=TRUST,
            directory=holder.directory,
            vault=holder.vault,
            store=holder.store,
            transport=self.network.wire,
        )

    def release(self, name: str = "Ada Tarn") -> None:
        """Release the name, as two people do by command."""
        asker = self.network.nodes[COUNCIL]
        (received,) = asker.store.read(received_misuse_queries.list)
        named = NamedPractitioner(
            name=name, role="key-worker", org_unit="north-team", contact="M. Ellery, 01632 960 111"
        )
        sealed = seal_answer(asker.vault.seal_key(), received.holder, received.query, named)
        asker.store.write(
            lambda tx: received_misuse_queries.answer(
                tx, holder=received.holder, query=received.query, sealed_answer=sealed, at=self.network.clock.now()
            )
        )

    def queries(self) -> list[bytes]:
        """Return the bytes of every query that left."""
        return [request.body for request, _ in self.network.wire.log if request.url.endswith("/misuse/v1/queries")]


def _year_after(at: Any) -> Any:  # noqa: ANN401 - a moment
    return at.replace(year=at.year + 1)
