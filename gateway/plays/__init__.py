"""Plays: one incident fanned out to the services that each need a part of it."""
