"""Consents: record, preview, withdraw, expire, and tell the services that rely on one."""
