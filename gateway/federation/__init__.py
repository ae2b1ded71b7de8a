"""Resolution of entities by chains to pinned anchors, and their suspension."""
