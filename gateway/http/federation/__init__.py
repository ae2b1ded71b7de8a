"""Federation endpoints that nodes and authorities both serve."""
