"""Floor 3: baselines, the pairing of two arms, and the decision. Everything is values in, values out; no drawing."""
