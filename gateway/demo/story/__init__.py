"""The six points of the story, each told with real requests and judged by the truth."""
