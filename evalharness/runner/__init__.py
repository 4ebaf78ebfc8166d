"""Runs one candidate over one eval set: asks, scores, records, and obeys the stop rule. ``run.run_cases`` is the door."""
