"""What is hidden from a model and how its answer is scored."""
