"""Eval sets: read strictly, written canonically, versioned, compared, imported, grown and linted."""
