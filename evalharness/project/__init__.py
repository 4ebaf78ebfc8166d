"""Floor 4: the composition root. Here, and only here, concrete candidates, scorers and the store meet the verdict.

``evalharness.api`` is its public face; the rooms behind it are one per job: ``workspace`` (config, store, components),
``arms`` (the two sides of a comparison), ``gating``, ``comparing``, ``promoting``, ``planning``, ``words`` (RUN words).
"""
