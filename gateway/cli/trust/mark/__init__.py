"""Trust marks: issue and revoke them, let another issue them, and list them."""
