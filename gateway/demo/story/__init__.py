"""The two stories, each point with real requests, compared with the truth."""
