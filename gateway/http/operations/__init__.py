"""The operations API: health and metrics, for the machine itself only."""
