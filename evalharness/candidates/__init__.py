"""Everything that answers cases. ``registry.build_candidate`` makes one out of its config table."""
