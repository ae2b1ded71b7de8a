"""A network of several levels: two anchors, a county below the first, and agencies below each of the three."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.app.authority import AnchorParts, create_anchor
from gateway.authority.suspension import log_state
from gateway.demo.agencies import Agency
from gateway.keys.files import ANCHOR_KEYS, create_keys
from gateway.ports import Transaction
from gateway.store.tables import members
from tests.simulator.network import Network, federation_keys
from tests.simulator.settings_files import Around, read_anchor, write_anchor
from tests.simulator.town import ANCHOR, BY_ENTITY, COUNCIL, COUNTY, HOUSING, POLICE, TRUST
from trust.federation.suspension import SuspensionState
from trust.federation.terms import SubordinateTerms
from trust.identifiers import EntityId
from trust.keys import KeyUse

INTERMEDIATE = SubordinateTerms(intermediate=True)
FORCE = EntityId("https://force.example")
"""Another anchor, which every member has pinned too."""
LEVELS = {COUNTY: (ANCHOR,), COUNCIL: (COUNTY,), HOUSING: (COUNTY,), TRUST: (ANCHOR,), POLICE: (FORCE,)}


class Levels(Network):
    """The council and the housing association below the county, the trust below the anchor, the police elsewhere."""

    def __init__(
        self,
        folder: Path,
        entities: tuple[EntityId, ...] = (COUNCIL, TRUST, POLICE),
        *,
        marks: Mapping[EntityId, Mapping[str, Any]] | None = None,
        county: SubordinateTerms = INTERMEDIATE,
    ) -> None:
        self.marks = marks or {}
        self.county_terms = county
        self.authorities: dict[EntityId, AnchorParts] = {}
        super().__init__(folder, [BY_ENTITY[entity] for entity in entities])

    def close(self) -> None:
        """Let go of every store."""
        super().close()
        for authority in self.authorities.values():
            if authority is not self.anchor:
                authority.store.close()

    def authority_above(self, entity: EntityId) -> AnchorParts:
        """Return who vouches for a node or a county."""
        return self.authorities[LEVELS[entity][0]]

    def _make_anchor(self) -> AnchorParts:
        anchor = self._make(ANCHOR, None)
        force = self._make(FORCE, None)
        around = self._levels(Around(anchor_keys=federation_keys(anchor.vault)), force)
        county = self._make(COUNTY, around)
        now = self.clock.now()

        def admit(tx: Transaction) -> None:
            jwks = federation_keys(county.vault).to_jwks()
            members.admit(tx, entity=COUNTY, jwks=jwks, metadata={}, state=SuspensionState.ACTIVE, at=now)
            members.set_terms(tx, entity=COUNTY, terms=self.county_terms)

        anchor.store.write(admit)
        return anchor

    def _make(self, entity: EntityId, under: Around | None) -> AnchorParts:
        folder = self.folder_of(entity)
        folder.mkdir()
        create_keys(folder / "keys", names=ANCHOR_KEYS)
        self._store_in(folder, "anchor.db")
        path = write_anchor(folder, entity=entity, under=under, marks=self.marks.get(entity))
        made = self.authorities[entity] = create_anchor(read_anchor(path), self.clock, self.wire)
        self.wire.apps[entity] = made.peer_app
        return made

    @staticmethod
    def _levels(around: Around, force: AnchorParts) -> Around:
        return replace(around, more_anchors={FORCE: federation_keys(force.vault)}, superiors=LEVELS)

    def _prepare(self, agency: Agency) -> None:
        self._around = self._levels(self._around, self.authorities[FORCE])
        super()._prepare(agency)

    def rule(self, issuer: EntityId, subject: EntityId, state: SuspensionState = SuspensionState.SUSPENDED) -> None:
        """Do what `hearthgate trust suspend`, `remove` and `readmit` do at an authority."""
        authority, now = self.authorities[issuer], self.clock.now()

        def work(tx: Transaction) -> None:
            members.set_state(tx, entity=subject, state=state, at=now)
            signer = authority.vault.signer(KeyUse.FEDERATION)
            log_state(tx, subject, state, at=now, issuer=issuer, signer=signer)

        authority.store.write(work)
