"""practicum: a machine-learning reading list that runs."""
