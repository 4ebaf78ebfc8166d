"""Readers of what others wrote, as functions of bytes: each may refuse with an error of ours, and may do nothing else."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from evalharness.core.errors import EvalhError
from evalharness.core.strictjson import StrictJSONError, loads

if TYPE_CHECKING:
    from evalharness.moving.moved import Moved

Target: TypeAlias = Callable[[bytes], None]


@cache
def folder() -> Path:
    """A folder for readers that want files; in memory where that can be."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="evalh-fuzz-", dir=place))


def _file(data: bytes, name: str) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path


def jsonl_reader(data: bytes) -> None:
    """Eval sets: and what was read survives writing and reading."""
    from evalharness.core.cases import Case
    from evalharness.evalset.jsonl import case_line, scan_cases

    for _, case in scan_cases("fuzz.jsonl", content=data):
        if isinstance(case, Case):
            again = Case.from_json(loads(case_line(case)))
            assert again == case


def answers_reader(data: bytes) -> None:
    """Recorded answers."""
    from evalharness.evalset.answers import read_answers

    for _ in read_answers(_file(data, "answers.jsonl")):
        continue


def config(data: bytes) -> None:
    """evalh.toml, with the places of its keys."""
    from evalharness.config.find import Found
    from evalharness.config.load import read_config

    text = data.decode("utf-8", "replace")
    read_config(Found(path=folder() / "evalh.toml", why="fuzz"), text=text, name="evalh.toml")


def lock(data: bytes) -> None:
    """evalh.lock: and what was read is written as the same lock."""
    from evalharness.evalset.lock import lock_text, read_lock

    found = read_lock(_file(data, "evalh.lock"))
    again = read_lock(_file(lock_text(found).encode(), "again.lock"))
    assert again == found


def rubric(data: bytes) -> None:
    """Rubric files."""
    from evalharness.judging.rubric_file import load_rubric

    load_rubric(folder() / "r.toml", data=data)


@cache
def _asked():  # type: ignore[no-untyped-def]  # what the judge was asked, built once
    from evalharness.judging.prompt import prompt_for
    from evalharness.judging.rubric_file import load_rubric
    from evalharness.judging.subject import Subject
    from tests.judging import rubrics

    parts = (rubrics.MAIN, rubrics.COMPLETE, rubrics.REPEATS, rubrics.SUPPORT)
    text = rubrics.text_of(*parts, uses=("input", "output", "reference"))
    subject = Subject(fields={"input": "q", "output": "It opened in 1924. It is red.", "reference": "1924"})
    found = load_rubric(folder() / "r.toml", data=text.encode())
    return prompt_for(found, subject, found.criteria), subject


def judge_reply(data: bytes) -> None:
    """A judge's reply: a verdict of the closed schema, or invalid."""
    from evalharness.judging.reply import Invalid, read_reply

    prompt, subject = _asked()
    try:
        opinions = read_reply(data.decode("utf-8", "surrogateescape"), prompt, subject)
    except Invalid:
        return
    assert opinions


def chat_reply(data: bytes) -> None:
    """The body of a chat completion."""
    from evalharness.clients.completion import completion

    completion(data, latency_s=0.1, price=(1.0, 2.0), finished=True)


def importers(data: bytes) -> None:
    """CSV, TSV, JSON and JSON Lines files; the first byte chooses."""
    from evalharness.evalset.importers import import_cases

    ending = ("csv", "tsv", "json", "jsonl")[data[0] % 4] if data else "csv"
    import_cases(str(_file(data[1:], f"data.{ending}")))


def other_tools(data: bytes) -> None:
    """Files of other tools; the first byte chooses."""
    from evalharness.moving.registry import KINDS
    from evalharness.project.moving_in import read_source

    kinds = sorted(set(KINDS) - {"promptfoo"})  # YAML with references to further files
    kind = kinds[data[0] % len(kinds)] if data else kinds[0]
    _written_again(read_source(kind, str(_file(data[1:], "log.json")), state=folder() / "state")[0])


def _written_again(moved: Moved) -> None:
    """What was moved can be written as our own files, and read from them."""
    from evalharness.core.cases import Case
    from evalharness.core.specs import canonical_json
    from evalharness.evalset.jsonl import case_line

    for case in moved.cases:
        assert Case.from_json(loads(case_line(case))) == case
    for lines in (*moved.answers.values(), moved.labels):
        for line in lines:
            loads(canonical_json(line))


def promptfoo(data: bytes) -> None:
    """promptfoo's YAML; a path in it stays in the folder."""
    from evalharness.moving.registry import read_set

    _written_again(read_set("promptfoo", _file(data, "promptfooconfig.yaml")))


def inspect_archive(data: bytes) -> None:
    """Inspect's zip archives: as bytes, or with members that are whole (the first byte chooses)."""
    from evalharness.moving.registry import read_set

    whole = data[:1] == b"\x01"
    _written_again(read_set("inspect", _file(_zipped(data[1:].split(b"\x00")) if whole else data[1:], "log.eval")))


def _zipped(members: list[bytes]) -> bytes:
    import io
    import zipfile

    names = ("header.json", "summaries.json", "samples/1_epoch_1.json", "samples/2_epoch_1.json")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in zip(names, members, strict=False):
            archive.writestr(zipfile.ZipInfo(name), member)
    return file.getvalue()


def calibration_record(data: bytes) -> None:
    """What calibration wrote beside a rubric; what is read of it later is there."""
    from evalharness.judging.record import read_entries

    for entry in read_entries(folder() / "r.json", data=data).values():
        told = (entry.youden, entry.retest, entry.why_not, entry.measured["labels"]["n"])
        assert json.dumps(told)
        assert json.dumps(entry.to_json())


def service_reply(data: bytes) -> None:
    """What a service or a program answers: an output, or a failure."""
    from evalharness.candidates.answers import pick, read_output

    try:
        value = pick(loads(data.decode("utf-8", "surrogateescape")), "/a/0")
    except (StrictJSONError, LookupError):
        return
    read_output(value, "here")


def answer_to_scorers(data: bytes) -> None:
    """A model's answer to every scorer of texts: each has something to say of it."""
    from evalharness.core.cases import Case
    from evalharness.core.results import Failure, Output, Score

    output = Output(text=data.decode("utf-8", "replace"))
    for scorer, target in _scorers():
        found = scorer.score(output, Case(id="a", input="q", target=target))
        assert isinstance(found, Score) or (isinstance(found, Failure) and found.blame == "candidate"), scorer.name


@cache
def _scorers():  # type: ignore[no-untyped-def]  # built once
    from evalharness.scorers.registry import build_scorer, spec_of

    return [(build_scorer(spec_of({"use": use, **params}), root=folder()), target) for use, target, params in SCORERS]


TEXT: Final = "the 12 answers are [1, 2.5] of 3 %"
SCORERS: Final[tuple[tuple[str, object, dict[str, object]], ...]] = (
    ("equals", TEXT, {}), ("equals", {"a": [1]}, {}), ("icontains", "answer", {}), ("contains_all", ["12", "3"], {}), ("word_count", None, {"max": 9}),
    ("exact_match", TEXT, {"case": False, "strip": True}), ("levenshtein", TEXT, {}), ("max_edits", TEXT, {"max": 3}), ("squad_em", TEXT, {}),
    ("squad_f1", TEXT, {}), ("regex", None, {"pattern": "[0-9]+"}), ("number", 12, {}), ("numeric_diff", 2.5, {}), ("is_json", None, {}),
    ("contains_json", None, {}), ("json_schema", None, {"schema": {"type": "object", "required": ["a"]}}), ("json_diff", {"a": [1]}, {}),
    ("rouge1", TEXT, {}), ("rougeL", TEXT, {}), ("rougeLsum", TEXT, {}), ("bleu", TEXT, {}), ("chrf", TEXT, {}), ("ter", TEXT, {}),
    ("label", "yes", {"labels": ["yes", "no"]}), ("brier", 1, {}), ("tool_calls", {"tools": ["find"]}, {}), ("tool_args", {"tools": [{"name": "find", "args": {"id": 7}}]}, {}),
    ("refusal", None, {}),
)  # fmt: skip
"""(word, target, parameters)."""


def baseline(data: bytes) -> None:
    """Stored baselines, with a digest that fits."""
    import hashlib

    from evalharness.verdict.baseline import read_baseline

    head, _, body = data.partition(b"\n")
    try:
        header = json.loads(head)
    except ValueError:
        header = None
    if isinstance(header, dict):
        header["sha256"] = hashlib.sha256(body).hexdigest()
        data = json.dumps(header).encode() + b"\n" + body
    read_baseline(folder() / "b.jsonl", shown="b.jsonl", data=data)


def strict_json(data: bytes) -> None:
    """The reader under all of them: what it takes means the same to the standard one, and comes back from text."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        value = loads(text)
    except StrictJSONError:
        return
    assert json.loads(text) == value
    assert loads(json.dumps(value)) == value


def shown_text(data: bytes) -> None:
    """Cleaning: what comes out acts on nobody, and is clean already."""
    from evalharness.core.masking import without_secrets
    from evalharness.core.text import visible
    from tests.report.hostile import acting

    text = without_secrets(data.decode("utf-8", "surrogateescape"))
    once = visible(text, keep_newlines=True)
    assert acting(once) == []
    assert visible(once, keep_newlines=True) == once


TARGETS: Final[Mapping[str, Target]] = {
    target.__name__: target
    for target in (
        jsonl_reader, answers_reader, config, lock, rubric, judge_reply, chat_reply, service_reply, importers, other_tools, promptfoo,
        inspect_archive, baseline, calibration_record, answer_to_scorers, strict_json, shown_text,
    )
}  # fmt: skip
CASE = b'{"id":"a","input":"x","target":["y",1],"relevant":{"d":2},"context":["t",{"id":"p","text":"q"}],"metadata":{"k":null},"tags":["t"],"cluster":"c","weight":2,"group":"g","variant":"v","checks":[{"use":"equals"}]}\n'
SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "jsonl_reader": (CASE, b'{"id":"b","input":[{"role":"user","content":"h"}]}\n' + CASE),
    "answers_reader": (b'{"id":"a","output":"x","documents":["d",{"id":"e","text":"t","score":1}],"latency_s":0.5,"usage":{"prompt_tokens":1},"epoch":0}\n', b'{"id":"a","error":"down","attempt":1}\n'),
    "config": (
        b'version = 1\n[prices]\nm = { input = 1.0, output = 2 }\n[scorers]\na = { use = "equals", threshold = 0.5, not = true }\n',
        Path(__file__).parent.parent.joinpath("config/full.toml").read_bytes(),
        b'[gates.g]\ncandidate = "c"\n[gates.g.limits]\na = { margin = 0.05 }\n',
    ),
    "lock": (b'version = 1\n\n[evalsets.s]\nversion = "1.0.0"\nn = 2\ndigest = "' + b"0" * 64 + b'"\n', b"<<<<<<< a\n=======\n>>>>>>> b\n"),
    "judge_reply": (b'{"main-fact":{"reason":"r","quote":"It opened in 1924.","verdict":true},"complete":{"reason":"r","quote":"","verdict":"all"},"repeats":{"reason":"","quote":"","verdict":3},"support":{"reason":"","verdicts":{"s1":"supported","s2":"no_claim"}}}', b'```json\n{}\n```'),
    "chat_reply": (b'{"choices":[{"message":{"role":"assistant","content":"x","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2},"model":"m"}', b'{"error":{"message":"x","code":"y"}}'),
    "importers": (b'\x00id,question,answer\n1,"a ""b""",c\n', b"\x01id\tinput\n1\tx\n", b'\x02[{"input":"x","target":"y"}]', b'\x03{"input":"x","metadata":{"a":1}}\n'),
    "other_tools": tuple(bytes([i]) + b'[{"input":"x","expected_output":"y","actual_output":"z","retrieval_context":["a"],"messages":[{"role":"user","content":"h"}]}]' for i in range(11)),
    "baseline": (b'{"evalh":"baseline/1","gate":"g","evalset":{"name":"s","n":1,"version":"","digest":""},"candidate":{"name":"c","digest":"d","kind":"recorded","params":{}},"signatures":{"e":"s"},"epochs":1,"seed":7,"created":"2026","why":"w","commit":"","run":"r","versions":{},"answers":true}\n{"id":"a","digest":"d","epochs":[{"output":"x","scores":{"e":{"value":1.0,"passed":true}}}]}\n',),
    "rubric": (b'evalh_rubric = 1\nid = "r"\nversion = 1\ntitle = "T"\nuses = ["output"]\naggregate = { score = "weighted_mean", pass_score = 0.75, min_assessed = 0.8 }\ntask = "A."\njudge = { model = "m" }\n[[criteria]]\nid = "a"\ntype = "boolean"\nask = "Q?"\n',),
    "service_reply": (b'{"a":[{"output":"x","documents":["d",{"id":"e","text":"t","score":1}],"usage":{"prompt_tokens":1},"latency_s":1,"cost_usd":0.1,"finish_reason":"stop"}]}', b'{"a":["x"]}'),
    "promptfoo": (b"prompts: [p]\nproviders: [openai:gpt-5-mini]\ntests:\n- vars: {q: &a [1, 0x1f, 1e3, ~, yes]}\n  assert: [{type: contains, value: x}]\n- vars: {q: !!str 1, r: *a}\n", b"a: !!bool x\nb: !!timestamp 2001-01-01\n<<: {c: d}\n"),
    "inspect_archive": (b'\x01{"eval":{"model":"m","task":"t"},"results":{"completed_samples":1}}\x00[{"id":1}]\x00{"id":1,"epoch":1,"input":"x","target":"y","output":{"completion":"z","usage":{"input_tokens":1}},"scores":{"a":{"value":1}},"messages":[{"role":"user","content":"x"}],"attachments":{}}', b"\x00" + _zipped([b'{"eval":{}}', b"[]", b'{"id":1,"epoch":1,"input":"x"}'])),
    "calibration_record": (b'{"evalh":"calibration/1","judges":{"d":{"may_block":true,"why_not":[],"rubric":"r","model":"m","reported":["m"],"created":"2026","measured":{"labels":{"n":40},"overall":{"youden":{"value":0.9}},"why_not":[],"retest_flips":{"value":0.1}},"attack":{"passed":1,"n":9}}}}',),
    "answer_to_scorers": (TEXT.encode(), b'{"a":[1],"tool_calls":[{"function":{"name":"find","arguments":"{\\"id\\":7}"}}]}', "yes, 1.234,5 \u0663 ½ 1e999 $12 – 3/4".encode()),
    "strict_json": (b'{"a":[1,-2.5e3,"\\ud83d\\ude00",true,null]}',),
    "shown_text": ("a\u202eb\x1b[31m\u200b\U000e0041\r\n é👨\u200d👩".encode(),),
}  # fmt: skip


def once(name: str, data: bytes) -> None:
    """One try: an error of ours is a refusal, anything else gets out."""
    try:
        TARGETS[name](data)
    except EvalhError:
        return
