"""What a model can do: likelihood of text, choices, last words, contamination, prompts."""
