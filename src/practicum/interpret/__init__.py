"""Looking inside a trained network: traces, contributions, pictures."""
