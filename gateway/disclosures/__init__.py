"""Disclosures without an agreement, by a named person's decision on a statutory ground."""
