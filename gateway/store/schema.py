"""The tables. Personal content rests here only as sealed bytes; instants are microseconds since 1970 in UTC.

The migrations make these tables; this module describes them to the repositories. A test holds the two together.
"""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, LargeBinary, MetaData, Table, Text

REVISION = "0027_watch_keys"
"""The newest migration, which a store must have before this program works on it."""

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("jti", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("sealed_reply", LargeBinary),
    Column("expires", BigInteger, nullable=False),
)
Index("messages_by_expiry", messages.c.expires)
Index(
    "messages_with_reply",
    messages.c.expires,
    sqlite_where=messages.c.sealed_reply.is_not(None),
    postgresql_where=messages.c.sealed_reply.is_not(None),
)

evidence_leaves = Table(
    "evidence_leaves",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
)

evidence_index = Table(
    "evidence_index",
    metadata,
    Column("key", Text, primary_key=True),
    Column("leaf", LargeBinary, primary_key=True),
)
Index("evidence_index_by_leaf", evidence_index.c.leaf)

question_signatures = Table(
    "question_signatures",
    metadata,
    Column("leaf", LargeBinary, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("repetition", LargeBinary),
    Column("outcome", Text),
)
Index(
    "question_signatures_by_decision",
    question_signatures.c.repetition,
    question_signatures.c.outcome,
    question_signatures.c.leaf,
    sqlite_where=question_signatures.c.repetition.is_not(None),
    postgresql_where=question_signatures.c.repetition.is_not(None),
)

lookup_messages = Table(
    "lookup_messages",
    metadata,
    Column("message", Text, primary_key=True),
    Column("lookup_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
Index("lookup_messages_by_lookup", lookup_messages.c.lookup_id)

lookups = Table(
    "lookups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("sealed_request", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("keep_until", BigInteger, nullable=False),
    Column("expected", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("completed_at", BigInteger),
)
Index("lookups_by_key", lookups.c.client_id, lookups.c.idempotency_key, unique=True)
Index("lookups_by_expiry", lookups.c.keep_until)

lookup_answers = Table(
    "lookup_answers",
    metadata,
    Column("lookup_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    ForeignKeyConstraint(["lookup_id"], ["lookups.id"], ondelete="CASCADE"),
)

agreements = Table(
    "agreements",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

agreement_signatures = Table(
    "agreement_signatures",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("entity", Text, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("jwks", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
)

agreement_retirements = Table(
    "agreement_retirements",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
)

agreement_endings = Table(
    "agreement_endings",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("entity", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("jwks", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
)

agreement_endings_told = Table(
    "agreement_endings_told",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("party", Text, primary_key=True),
    Column("told_at", BigInteger, nullable=False),
)

epochs = Table(
    "epochs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

trusted_chains = Table(
    "trusted_chains",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("statements", Text, nullable=False),
    Column("refreshed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("superior_iat", BigInteger, nullable=False),
    Column("revoked_marks", Text),
)

members = Table(
    "members",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("jwks", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("admitted_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("terms", Text),
)

seen_statements = Table(
    "seen_statements",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("issued_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)

suspensions = Table(
    "suspensions",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
)

key_revocations = Table(
    "key_revocations",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("kid", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("key_use", Text, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("noted_at", BigInteger, nullable=False),
)

disowned_keys = Table(
    "disowned_keys",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("kid", Text, primary_key=True),
)

restore_holds = Table(
    "restore_holds",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
)

anchor_keys = Table(
    "anchor_keys",
    metadata,
    Column("anchor", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

marks_issued = Table(
    "marks_issued",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("mark_type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("reason", Text),
)
Index("marks_issued_by_type", marks_issued.c.mark_type, marks_issued.c.subject)

marks_held = Table(
    "marks_held",
    metadata,
    Column("mark_type", Text, primary_key=True),
    Column("issuer", Text, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("act", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("emergency", Text),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("second_by", Text),
    Column("second_at", BigInteger),
    Column("requested_known_by", Text, nullable=False, server_default="name"),
    Column("announced_at", BigInteger),
)

journal_head = Table(
    "journal_head",
    metadata,
    Column("only", Integer, primary_key=True),
    Column("head", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("only", Integer, primary_key=True),
    Column("begins", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    Column("key", Text, primary_key=True),
    Column("due", BigInteger, nullable=False),
)
Index("budgets_by_due", budgets.c.due)

probes = Table(
    "probes",
    metadata,
    Column("until", Integer, primary_key=True, autoincrement=False),
    Column("feature", BigInteger, primary_key=True, autoincrement=False),
    Column("value", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

usage = Table(
    "usage",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("counted", Text, primary_key=True),
    Column("asker", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

flags = Table(
    "flags",
    metadata,
    Column("code", Text, primary_key=True),
    Column("asker", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("reviewed_by", Text),
    Column("reviewed_at", BigInteger),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("jwks", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("vouches", Integer, nullable=False),
    Column("manager", Text),
    Column("sample_percent", Integer, nullable=False),
    Column("positions", Text, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("lookup_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("justified", Integer),
    Column("sealed_finding", LargeBinary),
    Column("settled_at", BigInteger),
)
Index("samples_by_due", samples.c.settled_at, samples.c.due_at)

misuse_received = Table(
    "misuse_received",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("query", Text, primary_key=True),
    Column("received_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("sealed_query", LargeBinary, nullable=False),
    Column("sealed_answer", LargeBinary),
    Column("answered_at", BigInteger),
)

misuse_asked = Table(
    "misuse_asked",
    metadata,
    Column("query", Text, primary_key=True),
    Column("asker", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("sealed_query", LargeBinary, nullable=False),
    Column("sealed_answer", LargeBinary),
    Column("answered_at", BigInteger),
)
Index("misuse_asked_by_message", misuse_asked.c.asker, misuse_asked.c.message, unique=True)

claims_metadata = MetaData()
"""Single-use identifiers: a file of their own beside SQLite's store, unlogged tables within PostgreSQL's."""

claims = Table(
    "claims",
    claims_metadata,
    Column("space", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("expires", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("claims_by_expiry", claims.c.expires)

claims_start = Table(
    "claims_start",
    claims_metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("machine_start", Text, nullable=False),
    Column("not_before", BigInteger, nullable=False),
)
