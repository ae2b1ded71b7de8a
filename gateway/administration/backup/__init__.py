"""Backups of a node or an authority: its store and configuration, its private keys, and their restore."""
