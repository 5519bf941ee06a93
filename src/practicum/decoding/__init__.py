"""From a model to a sequence: sampling, batches of prompts, stop strings, likelihoods of text."""
