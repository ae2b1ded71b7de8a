"""The command line: what an administrator of a node or a trust anchor does, each change shown before it is made."""

from gateway.cli.main import main as main
