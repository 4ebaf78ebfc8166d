"""Floor 2: ``evalh.toml`` (or ``[tool.evalh]``) as frozen, typed values with their places in the file."""
