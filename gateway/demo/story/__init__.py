"""The six points of the story, each with real requests, compared with the truth."""
