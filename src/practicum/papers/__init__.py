"""One page per entry of the reading list: its claim, how it is tried, and what came out."""
