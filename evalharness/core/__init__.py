"""Floor 1: the values and contracts that every other room shares. Standard library only."""
