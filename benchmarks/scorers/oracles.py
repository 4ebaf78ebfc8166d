"""Our numbers beside those of the packages that define them: cases compared and the largest difference, row by row."""

from __future__ import annotations

import gzip
import json
import os
import random
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

from texts import SEED, Pair, pairs, short_pairs

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.results import Output, Score
from evalharness.scorers.registry import build_scorer, spec_of
from evalharness.scorers.tool_match import best_assignment

DATA = Path(os.environ.get("EVALH_TEST_DATA", "../shared/data"))
RANDOM = 400
LABELS = ["yes", "no", "maybe"]


@dataclass(frozen=True, kw_only=True)
class Row:
    metric: str
    oracle: str
    compared: int
    largest: float | None
    note: str = ""


def scorer(use: str, **params: Any) -> Any:
    return build_scorer(spec_of({"use": use, **params}), root=Path())


def value(result: Any) -> float:
    assert isinstance(result, Score), result
    return result.value


def row(metric: str, package: str, both: Iterable[tuple[float, float]], note: str = "") -> Row:
    gaps = [abs(ours - theirs) for ours, theirs in both]
    return Row(metric=metric, oracle=f"{package} {version(package)}", compared=len(gaps), largest=max(gaps), note=note)


def texts() -> list[Pair]:
    return [*short_pairs(RANDOM), *pairs(60, 60), *pairs(400, 6)]


def readable(some: Sequence[Pair]) -> list[Pair]:
    return [(output, case) for output, case in some if str(case.target).isascii()]


def overlap() -> Iterator[Row]:
    from rouge_score.rouge_scorer import RougeScorer

    words = ("rouge1", "rouge2", "rougeL", "rougeLsum")
    for stemmer in (False, True):
        oracle, some = RougeScorer(list(words), use_stemmer=stemmer), readable(texts())
        theirs = [oracle.score(case.target, output.text) for output, case in some]
        for word in words:
            ours = [scorer(word, stemmer=stemmer).score(*pair).evidence for pair in some]
            parts = ("precision", "recall", "fmeasure")
            both = [(o[p], getattr(t[word], p)) for o, t in zip(ours, theirs, strict=True) for p in parts]
            yield row(f"{word}{', stemmer' if stemmer else ''}", "rouge-score", both, "P, R and F")


def translation() -> Iterator[Row]:
    import sacrebleu

    some = [*short_pairs(RANDOM), *pairs(60, 20)]
    tables: list[tuple[str, dict[str, Any], Any]] = [
        ("bleu", {}, sacrebleu.BLEU(effective_order=True)),
        ("bleu", {"tokenize": "char"}, sacrebleu.BLEU(effective_order=True, tokenize="char")),
        ("chrf", {}, sacrebleu.CHRF()),
        ("chrf", {"word_order": 2}, sacrebleu.CHRF(word_order=2)),
        ("ter", {}, sacrebleu.TER()),
    ]
    for use, params, oracle in tables:
        name = f"{use} {params or ''}".strip()
        ours = [value(scorer(use, **params).score(*pair)) for pair in some]
        theirs = [oracle.sentence_score(output.text, [case.target]).score / 100 for output, case in some]
        yield row(name, "sacrebleu", zip(ours, theirs, strict=True), "each case")
        corpus = scorer(use, level="corpus", **params)
        rows = [corpus.score(*pair).evidence["stats"] for pair in some]
        whole = corpus.aggregate([sum(column) for column in zip(*rows, strict=True)])
        expected = oracle.corpus_score([o.text for o, _ in some], [[c.target for _, c in some]]).score / 100
        yield row(f"{name}, corpus", "sacrebleu", [(whole, expected)], f"{len(some)} cases as one corpus")


def squad() -> Iterator[Row]:
    from torchmetrics.functional.text import squad as oracle

    some = short_pairs(RANDOM)
    for use, key in (("squad_em", "exact_match"), ("squad_f1", "f1")):
        both = []
        for output, case in some:
            theirs = oracle(
                [{"prediction_text": output.text, "id": "1"}],
                [{"answers": {"answer_start": [0], "text": [case.target]}, "id": "1"}],
            )
            both.append((value(scorer(use).score(output, case)), theirs[key].item() / 100))
        yield row(use, "torchmetrics", both, "32-bit floats there")


def classification() -> Iterator[Row]:
    from sklearn.metrics import balanced_accuracy_score, brier_score_loss, f1_score, matthews_corrcoef

    rng = random.Random(SEED)
    oracles = {
        "macro_f1": lambda t, o: f1_score(t, o, labels=LABELS, average="macro", zero_division=0),
        "balanced_accuracy": balanced_accuracy_score,
        "mcc": lambda t, o: max(0.0, matthews_corrcoef(t, o)),
    }
    for use, oracle in oracles.items():
        both, built = [], scorer(use, labels=LABELS)
        for _ in range(200):
            size = rng.randint(2, 40)
            targets = rng.choices(LABELS, k=size)
            outputs = [t if rng.random() < 0.5 else rng.choice([*LABELS, "none"]) for t in targets]
            stats = [
                built.score(Output(text=o), Case(id="c", input="", target=t)).evidence["stats"]
                for o, t in zip(outputs, targets, strict=True)
            ]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                both.append(
                    (built.aggregate([sum(column) for column in zip(*stats, strict=True)]), oracle(targets, outputs))
                )
        yield row(use, "scikit-learn", both, "random corpora of 2 to 40, invalid labels among them")
    both = []
    for _ in range(RANDOM):
        p, truth = rng.random(), rng.random() < 0.5
        ours = value(scorer("brier").score(Output(text=repr(p)), Case(id="c", input="", target=str(truth).lower())))
        both.append((ours, brier_score_loss([truth], [p], pos_label=True)))
    yield row("brier", "scikit-learn", both)


def calibration() -> Iterator[Row]:
    import torch
    from torchmetrics.functional.classification import binary_calibration_error

    rng, both, built = random.Random(SEED), [], scorer("ece")
    for _ in range(100):
        stated = [rng.randint(501, 999) / 1000 for _ in range(rng.randint(5, 60))]
        truths = [rng.random() < p for p in stated]
        stats = [
            built.score(Output(text=repr(p)), Case(id="c", input="", target=str(t).lower())).evidence["stats"]
            for p, t in zip(stated, truths, strict=True)
        ]
        ours = built.aggregate([sum(column) for column in zip(*stats, strict=True)])
        theirs = binary_calibration_error(
            torch.tensor(stated, dtype=torch.float64), torch.tensor(truths).int(), n_bins=10
        )
        both.append((ours, float(theirs)))
    yield row("ece", "torchmetrics", both, "random corpora of 5 to 60; 32-bit bins there")


def retrieval() -> Iterator[Row]:
    import ir_measures
    import pytrec_eval

    rng = random.Random(SEED)
    names = [f"d{n}" for n in range(30)]
    runs = {str(q): {d: float(rng.randint(0, 6)) for d in rng.sample(names, rng.randint(1, 25))} for q in range(200)}
    qrels = {q: {d: rng.randint(0, 3) for d in rng.sample(names, rng.randint(1, 12))} for q in runs}
    measures = {
        ("recall", 5): "recall.5",
        ("precision", 5): "P.5",
        ("hit", 5): "success.5",
        ("map", 10): "map_cut.10",
        ("ndcg", 10): "ndcg_cut.10",
        ("mrr", None): "recip_rank",
    }
    theirs = pytrec_eval.RelevanceEvaluator(qrels, set(measures.values())).evaluate(runs)

    def ours(word: str, k: int | None, query: str, run: dict[str, float]) -> float:
        documents = tuple({"id": d, "score": s} for d, s in run.items())
        built = scorer(word) if k is None else scorer(word, k=k)
        return value(built.score(Output(documents=documents), Case(id="c", input="", relevant=qrels[query])))

    for (word, k), measure in measures.items():
        both = [(ours(word, k, q, run), theirs[q][measure.replace(".", "_")]) for q, run in runs.items()]
        yield row(f"{word}{'' if k is None else f'@{k}'}", "pytrec-eval-terrier", both, "ties among the scores")
    missing = dict(list(runs.items())[:150])
    means = ir_measures.calc_aggregate([ir_measures.nDCG @ 10, ir_measures.AP], qrels, missing)
    for (word, k), measure in ((("ndcg", 10), ir_measures.nDCG @ 10), (("map", None), ir_measures.AP)):
        mean = sum(ours(word, k, q, missing.get(q, {})) for q in qrels) / len(qrels)
        yield row(f"mean {word}", "ir-measures", [(mean, means[measure])], "50 of 200 queries never answered count 0")


def epochs() -> Iterator[Row]:
    gaps = []
    for n in range(1, 9):
        for right in range(n + 1):
            answers = [Output(text="a" if place < right else "b") for place in range(n)]
            for k in range(1, n + 1):
                drawn = [[place < right for place in chosen] for chosen in combinations(range(n), k)]
                for use, holds in (("pass_at_k", any), ("pass_hat_k", all)):
                    ours = value(scorer(use, k=k).score_epochs(answers, Case(id="c", input="", target="a")))
                    gaps.append(abs(ours - sum(map(holds, drawn)) / len(drawn)))
    yield Row(metric="pass@k, pass^k", oracle="all subsets counted", compared=len(gaps), largest=max(gaps))


def assignment() -> Iterator[Row]:
    from scipy.optimize import linear_sum_assignment

    rng, both = random.Random(SEED), []
    for _ in range(500):
        rows, columns = rng.randint(1, 8), rng.randint(1, 8)
        weights = [[rng.choice([0, 0, 0.25, 0.5, 1.0]) for _ in range(columns)] for _ in range(rows)]
        found = linear_sum_assignment(weights, maximize=True)
        best = sum(weights[r][c] for r, c in zip(*found, strict=True))
        both.append((sum(weights[r][c] for r, c in best_assignment(weights)), best))
    yield row("tool calls: best assignment", "scipy", both)


def bertscore(folder: str) -> Iterator[Row]:
    import bert_score

    some = [(o, c) for o, c in [*short_pairs(120), *pairs(80, 30)] if str(o.text).strip() and str(c.target).strip()]
    oracle = bert_score.BERTScorer(model_type=folder, num_layers=6, device="cpu")
    together = oracle.score([o.text for o, _ in some], [c.target for _, c in some])
    alone = [oracle.score([o.text], [c.target]) for o, c in some]
    note = "all-MiniLM-L6-v2, 32-bit floats; no empty texts, on which it raises"
    for place, part in enumerate(("precision", "recall", "f1")):
        ours = [result.value for result in scorer("bertscore", model=folder, part=part).score_many(some)]
        pairwise = [max(0.0, parts[place].item()) for parts in alone]
        yield row(f"bertscore, {part}", "bert-score", zip(ours, pairwise, strict=True), note)
        batched = [max(0.0, value) for value in together[place].tolist()]
        yield row(
            f"bertscore, {part}, its batches",
            "bert-score",
            zip(ours, batched, strict=True),
            "there a shorter text's padding counts as a token of cosine 0, so a score depends on its neighbours",
        )


def shared_data() -> Iterator[Row]:
    yield from _gsm8k()
    yield from _json_schema()


def _gsm8k() -> Iterator[Row]:
    built, same, count = scorer("number", after="A:"), 0, 0
    with gzip.open(DATA / "gsm8k" / "gsm8k_even.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            case = Case(id=line["id"], input=line["input"], target=line["expected"])
            for system, text in line["outputs"].items():
                same += built.score(Output(text=text), case).passed is line["official_correct"][system]
                count += 1
    yield Row(
        metric="number",
        oracle="GSM8K's official labels",
        compared=count,
        largest=float(count - same),
        note="verdicts that differ",
    )


def _json_schema() -> Iterator[Row]:
    count = wrong = refused = 0
    for line in (DATA / "json_schema" / "draft2020-12.jsonl").read_text(encoding="utf-8").splitlines():
        group = json.loads(line)
        for test in group["tests"]:
            count += 1
            try:
                built = scorer("json_schema", schema=group["schema"], formats=group["file"] != "format")
            except ConfigError:
                refused += 1
                continue
            wrong += (
                built.score(Output(text=json.dumps(test["data"])), Case(id="c", input="")).passed is not test["valid"]
            )
    yield Row(
        metric="json_schema",
        oracle="JSON-Schema-Test-Suite 2020-12",
        compared=count - refused,
        largest=float(wrong),
        note=f"verdicts that differ; {refused} more refused before a run (docs/scorers.md)",
    )
