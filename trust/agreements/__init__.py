"""What may be shared, with whom, for which purpose and on which legal footing."""
