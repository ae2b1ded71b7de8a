"""Adapters: whether this agency's own case systems can be read, and filling the one that is imported."""
