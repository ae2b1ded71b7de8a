"""The case API: what the agency's own case systems ask of their node."""
