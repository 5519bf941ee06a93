"""Whole networks built from descriptions, their families, and weights from elsewhere."""
