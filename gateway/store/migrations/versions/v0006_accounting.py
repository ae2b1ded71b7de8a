"""Keys by which accounts find evidence, signatures of questions, and the lookup of each message of ours."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006_accounting"
down_revision = "0005_agreement_endings"

_PAGE = 1_000
_LEAVES = sa.table("evidence_leaves", sa.column("id", sa.LargeBinary), sa.column("leaf", sa.LargeBinary))


def upgrade() -> None:
    """Create the tables, and find the leaves of before by their message's id and by the digest of the person."""
    index = op.create_table(
        "evidence_index",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("leaf", sa.LargeBinary, primary_key=True),
    )
    op.create_index("evidence_index_by_leaf", "evidence_index", ["leaf"])
    op.create_table(
        "question_signatures",
        sa.Column("leaf", sa.LargeBinary, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "lookup_messages",
        sa.Column("message", sa.Text, primary_key=True),
        sa.Column("lookup_id", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("lookup_messages_by_lookup", "lookup_messages", ["lookup_id"])
    op.execute("ALTER TABLE misuse_asked RENAME COLUMN message_jti TO message")
    _index_old_leaves(index)


def _index_old_leaves(index: sa.Table) -> None:
    connection, after = op.get_bind(), b""
    while True:
        page = sa.select(_LEAVES).where(_LEAVES.c.id > after).order_by(_LEAVES.c.id).limit(_PAGE)
        leaves = connection.execute(page).all()
        if not leaves:
            return
        rows = [{"key": key, "leaf": each.id} for each in leaves for key in _keys(each.leaf)]
        if rows:
            op.bulk_insert(index, rows)
        after = leaves[-1].id


def _keys(leaf: bytes) -> set[str]:
    members = json.loads(leaf)
    keys = {members.get("message", {}).get("jti")}
    if members.get("kind") in {"received", "sent"}:
        keys.add(members.get("subject"))
    return {key for key in keys if key}
