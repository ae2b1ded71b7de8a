"""SQLite and PostgreSQL: connections, writers, transactions and claims, without any table's meaning."""
