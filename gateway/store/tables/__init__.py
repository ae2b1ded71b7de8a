"""The tables and the functions that read and write each of them, inside a caller's transaction."""
