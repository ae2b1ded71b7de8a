"""The three entities of the exchange profile's examples, their keys, and the time at which the examples are good."""

from datetime import UTC, datetime

from trust.identifiers import EntityId
from trust.keys import Alg, KeySet, KeyUse, LocalSigner

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ANCHOR = EntityId("https://anchor.example")
COUNCIL = EntityId("https://council.example")
TRUST = EntityId("https://mental-health.example")


class Keys:
    """The keys of three entities, made for each run."""

    def __init__(self) -> None:
        self.signers: dict[tuple[EntityId, KeyUse], LocalSigner] = {
            (entity, use): LocalSigner.generate(use, Alg.ED25519 if use is KeyUse.EVIDENCE else Alg.ES256)
            for entity in (ANCHOR, COUNCIL, TRUST)
            for use in KeyUse
            if use not in {KeyUse.ENCRYPTION, KeyUse.SIGN_IN, KeyUse.ADMINISTRATOR}
        }

    def signer(self, entity: EntityId, use: KeyUse) -> LocalSigner:
        """Return one entity's key for one use."""
        return self.signers[entity, use]

    def public(self, entity: EntityId, use: KeyUse) -> KeySet:
        """Return its public half as a set."""
        return KeySet.of(use, [self.signer(entity, use).public])
