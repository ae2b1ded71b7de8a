"""A node or an anchor on its own machine: set up, migrated, run."""
