"""Descriptions and layers with parameters: mixers, feed-forwards, norms, positions."""
