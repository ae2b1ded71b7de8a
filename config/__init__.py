"""Settings: frozen models read from TOML and the environment, all faults reported at once."""
