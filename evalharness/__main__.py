"""``python -m evalharness`` is ``evalh``."""

from evalharness.cli.main import main

raise SystemExit(main())
