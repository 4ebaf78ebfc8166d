"""What ``plan`` says of judges: calls, tokens and money, out of what they took or of what they may take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.errors import UsageError
from evalharness.core.results import Output
from evalharness.judging.scorer import JudgeScorer
from evalharness.judging.seat import Took
from evalharness.project.judge_costs import JudgeCost, judge_costs
from evalharness.project.planning import GatePlan, plan_gates
from evalharness.report.plans import plans_json, plans_text
from tests.project.judged import Court, House, house_in


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return house_in(tmp_path, monkeypatch)


def plan_of(house: House) -> GatePlan:
    with house.open(offline=True) as workspace:
        (plan,) = plan_gates(workspace, ["g"])
    return plan


def cost_of(house: House, *, price: tuple[float, float] | None = (1.0, 10.0), more: str = "") -> JudgeCost:
    """The judge's part of the plan, its endpoint being one that costs."""
    if price is not None:
        table = f'[prices]\n"judge-2026-08-01" = {{ input = {price[0]}, output = {price[1]} }}\n{more}'
        house.edit("evalh.toml", "[evalsets]", f"{table}[evalsets]")
    house.edit("evalh.toml", "http://127.0.0.1:9/v1", "https://judges.example.org/v1")
    (cost,) = plan_of(house).judges
    return cost


def counted(house: House, tokens: tuple[int, int]) -> None:
    """The judge's server says how many tokens a call took."""
    reply = Court.reply

    def with_usage(body: Mapping[str, Any]) -> Output:
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        return replace(reply(house.court, body), usage=usage)

    house.court.reply = with_usage  # type: ignore[method-assign]


def test_recorded_usage_is_what_a_call_will_take(house: House) -> None:
    counted(house, (300, 40))
    house.make(anchors=40)
    house.calibrate()
    house.promote()
    (cost,) = plan_of(house).judges
    assert cost.how == "as 100 recorded judgements took"
    assert (cost.once.calls, cost.once.tokens) == (100, (30_000, 4_000))
    assert (cost.anchors.calls, cost.anchors.tokens) == (64, (64 * 300, 64 * 40))
    assert (cost.most.calls, cost.most.tokens) == (500, (150_000, 20_000))  # three in either arm, one of them is stored


def test_money_is_tokens_times_the_price(house: House) -> None:
    house.make(anchors=40)
    cost = cost_of(house)
    for bill in (cost.once, cost.most, cost.anchors):
        assert bill.cost_usd == pytest.approx((bill.tokens[0] * 1.0 + bill.tokens[1] * 10.0) / 1e6, rel=1e-4)
    assert cost.once.cost_usd is not None
    assert cost.most.cost_usd is not None
    assert cost.bound_usd is not None
    assert 0 < cost.once.cost_usd < cost.most.cost_usd < cost.bound_usd
    longest = 3 * cost.most.calls * 1000 * 10.0 / 1e6  # two re-asks, the longest reply
    assert longest < cost.bound_usd < longest + 3 * 4 * cost.most.tokens[0] * 1.0 / 1e6 + 1e-6


def test_without_a_stored_baseline_both_arms_are_judged(house: House) -> None:
    house.make()
    cost = cost_of(house)
    assert cost.once.calls == 200
    assert cost.most.calls == 600
    assert "the references" in cost.how


def test_an_unknown_price_is_said(house: House) -> None:
    house.make()
    cost = cost_of(house, price=None)
    assert (cost.once.cost_usd, cost.most.cost_usd, cost.bound_usd) == (None, None, None)
    assert "right: " in plans_text([plan_of(house)])
    assert "cost unknown: a price is not in the config" in " ".join(plans_text([plan_of(house)]).split())


def test_panels_isolation_and_escalation_are_counted(house: House) -> None:
    house.make()
    judge = 'judge = { model = "judge-2026-08-01", seed = 0 }'
    house.edit(
        "rubrics/right.toml",
        judge,
        'cannot_tell = { action = "escalate" }\n'
        'judge = { model = "judge-2026-08-01", seed = 0, panel = ["b-2026"], escalate_to = "big-2026" }',
    )
    path = house.root / "rubrics" / "right.toml"
    second = '\n[[criteria]]\nid = "short"\ntype = "boolean"\nisolate = true\nask = "Is it short?"\n'
    path.write_text(path.read_text(encoding="utf-8") + second, encoding="utf-8")
    cost = cost_of(house, more='"b-2026" = { input = 1, output = 1 }\n"big-2026" = { input = 9, output = 9 }\n')
    assert cost.once.calls == 100 * 2 * 2 * 2  # answers, arms, calls of a judgement, seats
    assert cost.most.calls == 100 * 6 * 2 * 2
    assert cost.bound_usd is not None


def test_an_escalation_without_a_price_leaves_the_most_unknown(house: House) -> None:
    house.make()
    judge = 'judge = { model = "judge-2026-08-01", seed = 0'
    house.edit("rubrics/right.toml", judge, f'cannot_tell = {{ action = "escalate" }}\n{judge}, escalate_to = "big"')
    cost = cost_of(house)
    assert cost.most.cost_usd is not None
    assert cost.bound_usd is None


def test_judges_are_named_before_money_is_spent_on_them(house: House) -> None:
    house.make()
    cost_of(house)
    with pytest.raises(UsageError, match="100 answers for 'judge-2026-08-01' to judge and no max_cost"):
        house.calibrate()


def test_a_pair_is_one_question_in_two_orders(house: House) -> None:
    house.make()
    house.edit("rubrics/right.toml", 'type = "boolean"\nmust_pass = true', 'type = "pairwise"')
    cost = cost_of(house)
    assert (cost.once.calls, cost.most.calls) == (200, 200)


def test_answers_that_are_none_cost_nothing(house: House) -> None:
    house.make()
    rows = [json.loads(line) for line in (house.root / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    text = "".join(json.dumps(row | {"target": ":"} if i < 10 else row) + "\n" for i, row in enumerate(rows))
    (house.root / "qa.jsonl").write_text(text, encoding="utf-8")
    assert cost_of(house).once.calls == 180


def test_epochs_multiply(house: House) -> None:
    house.make()
    house.promote()
    with house.open(offline=True) as workspace:
        scorer = workspace.scorer("right")
        assert isinstance(scorer, JudgeScorer)
        cases = workspace.evalset("qa").living[:10]
        (cost,) = judge_costs(workspace, [scorer], cases, stored=None, epochs=3)
    assert cost.once.calls == 10 * 3 * 2


def test_the_plan_prints_it_within_eighty_columns(house: House) -> None:
    counted(house, (300, 40))
    house.make(anchors=40, more='[prices]\n"judge-2026-08-01" = { input = 1.0, output = 10.0 }\n')
    house.edit("evalh.toml", "http://127.0.0.1:9/v1", "https://judges.example.org/v1")
    house.calibrate(yes=True)
    house.edit("evalh.toml", 'candidate = "new"', 'candidate = "old"')
    with house.open(yes=True) as workspace:
        from evalharness.project.promoting import promote

        promote(workspace, "g", why="test")
    plan = plan_of(house)
    text = plans_text([plan])
    said = " ".join(text.split())
    assert "right: ~30,000 tokens in, ~4,000 out; ~$0.0700 if no verdict differs, ~$0.35 if all do, $" in said
    assert "anchors and canaries ~$0.0448" in said
    assert "(as 100 recorded judgements took)" in said
    assert f"up to {plan.judges[0].most.calls} calls" in said
    assert max(map(len, text.splitlines())) <= 80
    (judge,) = plans_json([plan])["gates"][0]["judges"]
    assert judge["once"] == {"calls": 100, "tokens": (30_000, 4_000), "cost_usd": pytest.approx(0.07)}


def test_what_calls_took_adds_up_and_is_read_back() -> None:
    took = Took.of({"prompt_tokens": 10, "completion_tokens": 2}) + Took.of(
        {"prompt_tokens": 5, "completion_tokens": 1}
    )
    assert Took.from_json(took.to_json()) == took == Took(calls=2, tokens_in=15, tokens_out=3)
    assert Took.of({"prompt_tokens": 10}) == Took.of({}) == Took.from_json(()) == Took()
    assert Took().to_json() == []
