"""What is particular to one sector's case systems."""
