"""The node's own durable memory, on SQLite or PostgreSQL."""
