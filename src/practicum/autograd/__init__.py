"""Differentiation by hand: scalars, arrays, layered networks, drawings of the graph, checks."""
