"""Queries about misuse: the asked agency queries a message, the asking agency names the practitioner."""
