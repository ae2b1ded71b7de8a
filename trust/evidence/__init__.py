"""Evidence: proof of every message, without its content."""
