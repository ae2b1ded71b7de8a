"""Who is trusted now: chains fetched under a valid superior, kept, refreshed, and ended when nobody vouches."""
