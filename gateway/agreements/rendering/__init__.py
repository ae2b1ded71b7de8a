"""Documents about an agreement, written from the agreement itself."""
