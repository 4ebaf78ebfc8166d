"""Floor 4: what people see. Reads verdicts, computes nothing; every output format has one writer in ``sinks``."""
