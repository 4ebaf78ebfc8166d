"""B18: answers of unchanged requests are replayed, so those differences are exactly 0.

Valid as long as the request says everything that decides the answer: the key covers endpoint, model, parameters, text,
epoch and attempt. Change one and the answer is asked for anew.
"""

from __future__ import annotations

import pytest

from evalharness.core.cases import Case
from tests.attacks.shop import Shop

CASE = Case(id="c0001", input="question", target="yes")
BASE = 'model = "m-1", prompt = "{{ input }}", base_url = "http://127.0.0.1:9/v1", temperature = 0.5'


def key(shop: Shop, bot: str, *, case: Case = CASE, epoch: int = 0, attempt: int = 0, name: str = "bot") -> str:
    shop.config(bot=bot)
    if name != "bot":
        text = (shop.root / "evalh.toml").read_text().replace("bot =", f"{name} =").replace('"bot"', f'"{name}"')
        (shop.root / "evalh.toml").write_text(text)
    with shop.open() as workspace:
        candidate = workspace.candidate(name, "s")
        return candidate.request(case, epoch=epoch, attempt=attempt, run_seed=7).key  # type: ignore[union-attr]


@pytest.fixture
def shop(tmp_path) -> Shop:
    found = Shop(tmp_path)
    found.cases(3)
    found.answers("old.jsonl", [True] * 3)
    return found


def test_whatever_decides_the_answer_is_in_the_key(shop: Shop) -> None:
    changed = [
        BASE.replace("m-1", "m-2"),
        BASE.replace("0.5", "0.6"),
        BASE.replace("127.0.0.1:9", "127.0.0.1:8"),
        BASE.replace("{{ input }}", "please: {{ input }}"),
        BASE + ', system = "be brief"',
        BASE + ", max_tokens = 5",
        BASE + ", seed = 9",
        BASE + ", extra = { top_k = 3 }",
        BASE + ', version = "2"',
    ]
    keys = [key(shop, BASE), *(key(shop, bot) for bot in changed)]
    keys.append(key(shop, BASE, epoch=1))
    keys.append(key(shop, BASE, attempt=1))
    keys.append(key(shop, BASE, case=Case(id="c0001", input="another question")))
    assert len(set(keys)) == len(keys)


def test_a_name_decides_nothing(shop: Shop) -> None:
    assert key(shop, BASE) == key(shop, BASE, name="renamed")
