"""Scorers: one family of words a file, found by name through :mod:`evalharness.scorers.registry`."""
