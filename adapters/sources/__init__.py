"""Access to case systems: databases, files, web services."""
