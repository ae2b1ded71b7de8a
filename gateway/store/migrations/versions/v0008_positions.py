"""Positions of a case system's users, row by row; before, each role in each unit for each service."""

import json
from itertools import product

import sqlalchemy as sa
from alembic import op

revision = "0008_positions"
down_revision = "0007_dual_control"


def upgrade() -> None:
    """Write out the rows that a registration of before stood for, so that none gains or loses any."""
    op.add_column("clients", sa.Column("positions", sa.Text, nullable=False, server_default="[]"))
    connection = op.get_bind()
    registered = connection.execute(sa.text("SELECT client_id, services, roles, units FROM clients")).all()
    for client in registered:
        lists = (json.loads(each) for each in (client.services, client.roles, client.units))
        rows = [dict(zip(("service", "role", "org_unit"), row, strict=True)) for row in product(*lists)]
        connection.execute(
            sa.text("UPDATE clients SET positions = :positions WHERE client_id = :client_id"),
            {"positions": json.dumps(rows), "client_id": client.client_id},
        )
    for name in ("services", "roles", "units"):
        op.drop_column("clients", name)
