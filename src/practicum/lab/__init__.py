"""Several runs compared: arms, paired seeds, claims, verdicts, the store, plots. Numbers only."""
