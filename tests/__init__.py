"""Statements of behaviour; the folders mirror the tree."""
