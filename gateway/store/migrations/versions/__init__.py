"""The revisions; each stays as it was released."""
