"""The lazy face of the statistics."""

import subprocess
import sys

import pytest

from evalharness import stats


def test_every_name_resolves_to_what_it_says():
    for name in stats.__all__:
        assert callable(getattr(stats, name)), name
    assert set(stats.__all__) <= set(dir(stats))


def test_a_name_stays_callable_after_its_module_was_loaded_first():
    code = "import evalharness.stats.intervals, evalharness.stats.last_look, evalharness.stats.order as o\n"
    code += "from evalharness import stats\n"
    code += "assert stats.interval([0.0], 0.05) and stats.final_look([0.0], 0, 'pass') and stats.permutation(['a'], 1)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = stats.nothing


def test_small_data_load_no_numpy():
    code = (
        "import sys\nfrom evalharness import stats\nimport evalharness.stats.sequential\n"
        "d = [0.0] * 150 + [0.5, -0.25] * 25\n"
        "stats.decide(d, 0.05, 200, method='general', split=0.1)\nstats.decide(d, 0.001, 200, method='general')\n"
        "stats.interval(d, 0.05)\nstats.min_cases(0.05)\nassert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
