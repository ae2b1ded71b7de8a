"""The shell: everything that reads a clock, a socket, a file or a database."""

__version__ = "0.1.0"
