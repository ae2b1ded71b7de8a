"""Notices: that something an agency shared before has ended, is wrong or must be erased."""
