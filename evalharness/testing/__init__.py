"""Floor 5: evaluations inside a pytest session. Loaded by ``evalharness.pytest_plugin`` on first use, never before.

``sitting`` knows what one session asks and was answered; ``batch`` says what that is, ``exchange`` shares it between
the workers of pytest-xdist; ``places`` makes one test of each case; ``trial`` is what a test sees of it; ``judging``
asks for verdicts, ``closing`` does so for the whole session at its end and ``reports`` tells pytest; ``configfile`` is
``evalh.toml::GATE``; ``fixture`` is ``evalh``.
"""
