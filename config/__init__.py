"""Settings: frozen models from TOML and the environment, with all faults in one report."""
