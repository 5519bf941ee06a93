"""Architectures as data: one file per family with its builder and published sizes."""
