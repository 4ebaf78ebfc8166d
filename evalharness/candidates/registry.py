"""Makes a candidate out of its table in the config. One entry a kind; a new kind is one function and one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from evalharness.candidates.local import Identity
from evalharness.candidates.recorded import Recorded
from evalharness.candidates.table import Surroundings, Table
from evalharness.core.endpoints import Address, address
from evalharness.core.errors import ConfigError
from evalharness.core.prices import price_of
from evalharness.core.protocols import Candidate, Recording
from evalharness.core.specs import EMPTY, ComponentSpec, digest, digest_text, string_list, thaw

DEFAULT_URL: Final = "https://api.openai.com/v1"
TEXT_FILES: Final = (".md", ".txt", ".jinja")
"""A prompt that ends so is the name of a file."""
DEFAULT_K: Final = 10

Build: TypeAlias = Callable[[Table], Candidate | Recording]


def build_candidate(spec: ComponentSpec, around: Surroundings) -> Candidate | Recording:
    """Build the candidate that a table describes. No code of the project is imported and nothing is called yet.

    Args:
        spec: Its table; ``use`` is the kind key.
        around: What it is built from.

    Raises:
        ConfigError: If the kind is unknown or a value is wrong, with its place.
        EvalSetError: If a recorded file is wrong.
    """
    build = KINDS.get(spec.use) or _plug_in(spec, around)
    return build(Table(spec=spec, around=around))


def function_candidate(function: Callable[..., Any], *, name: str) -> Candidate:
    """A candidate out of a function at hand, sync or async.

    ``case -> text | Output | dict``; or ``(query, k) -> documents`` as for kind ``retriever``, when the function needs
    or takes two arguments. Its code is not declared, so its answers serve the run that paid for them and no other.
    """
    from evalharness.candidates.function import FunctionCandidate
    from evalharness.candidates.retriever import FunctionRetriever

    reference = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', name)}"
    if _takes_query_and_k(function):
        facts = {"retriever": reference, "k": DEFAULT_K}
        identity = Identity(name=name, kind="retriever", facts=facts)
        return FunctionRetriever(identity, reference, DEFAULT_K, function)
    return FunctionCandidate(Identity(name=name, kind="python", facts={"python": reference}), reference, function)


def _takes_query_and_k(function: Callable[..., Any]) -> bool:
    """Whether the function has two parameters that can be given by position, the second named ``k`` or required."""
    import inspect

    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False  # a builtin without a signature: it gets the case
    given = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(given) == 2 and (given[1].name == "k" or given[1].default is given[1].empty)


def _plug_in(spec: ComponentSpec, around: Surroundings) -> Build:
    """The factory that an installed package registers for a kind, loaded only because the config names it."""
    from importlib.metadata import entry_points

    found = entry_points(group="evalharness.candidates", name=spec.use)
    if not found or around.options.untrusted:
        known = ", ".join(sorted(KINDS))
        raise ConfigError(f"no candidate kind {spec.use!r}", where=spec.where, tip=f"kinds: {known}")
    build: Build = next(iter(found)).load()
    return build


def _model(table: Table) -> Candidate:
    from evalharness.candidates.prompt import PARAMETERS, PromptCandidate, PromptOptions

    params, around = table.params, table.around
    model = params["model"]
    url = params.get("base_url") or around.env.get("OPENAI_BASE_URL") or DEFAULT_URL
    place = address(url, where=table.where("base_url"))
    price = price_of(model, place, own=around.project.prices, table=around.price_table)
    client = around.connect(
        place,
        key_env=params.get("api_key_env"),
        price=price,
        finished=bool(params.get("require_finish_reason", True)),
        where=table.where("api_key_env"),
    )
    taken = sorted({"messages", "model", "n", "seed", "stream"} & set(params.get("extra", {})))
    if taken:
        table.refuse("extra", f"{taken[0]!r} is not sent as it is", "it has a key of its own, or is fixed")
    body = {"model": model, **{key: params[key] for key in PARAMETERS if key in params}, **params.get("extra", {})}
    options = PromptOptions(
        timeout_s=table.timeout_s, price=price, seed=params.get("seed", True), version=params.get("version", "")
    )
    return PromptCandidate(
        table.spec.name, prompt=_prompt(table), body=body, client=client, address=place, options=options
    )


def _prompt(table: Table) -> Any:
    from evalharness.candidates.prompt import Prompt, Turn

    before = [Turn(role="system", content=_template(table, "system"))] if "system" in table.params else []
    for number, message in enumerate(table.params.get("messages", ())):
        key = f"messages[{number}]"
        if set(message) != {"role", "content"} or not all(isinstance(value, str) for value in message.values()):
            table.refuse(key, "expected { role, content }, both texts")
        before.append(Turn(role=message["role"], content=_template(table, key, message["content"])))
    return Prompt(before=tuple(before), user=_template(table, "prompt") if "prompt" in table.params else None)


def _template(table: Table, key: str, text: str | None = None) -> Any:
    from evalharness.candidates.templates import Template

    value = table.params[key] if text is None else text
    if not value.endswith(TEXT_FILES):
        return Template(value, where=table.where(key), isolate=table.around.isolate)
    path = table.around.project.resolve(value, where=table.where(key))
    try:
        return Template(path.read_text(encoding="utf-8"), where=value, isolate=table.around.isolate)
    except (OSError, UnicodeDecodeError) as error:
        table.refuse(key, f"{value}: cannot be read: {error}")


def _python(table: Table) -> Candidate:
    from evalharness.candidates.function import FunctionCandidate

    reference = table.params["python"]
    return FunctionCandidate(table.identity({"python": reference}), reference)


def _command(table: Table) -> Candidate:
    from evalharness.candidates.command import CommandCandidate

    argv = list(table.params["command"])
    return CommandCandidate(table.identity({"command": argv}), argv)


def _http(table: Table) -> Candidate:
    from evalharness.candidates.http import HttpCandidate

    endpoint, place = _endpoint(table, "http")
    return HttpCandidate(_http_identity(table, "http", place), endpoint)


def _retriever(table: Table) -> Candidate:
    from evalharness.candidates.retriever import FunctionRetriever, HttpRetriever

    source, k = table.params["retriever"], table.params.get("k", DEFAULT_K)
    if source == "bm25":
        return _bm25(table, k)
    for key in ("k1", "b", "fields"):
        if key in table.params:
            table.refuse(key, 'only retriever = "bm25" has it')
    if isinstance(source, str):
        return FunctionRetriever(table.identity({"retriever": source, "k": k}), source, k)
    endpoint, place = _endpoint(table, "retriever")
    return HttpRetriever(_http_identity(table, "retriever", place, k=k), endpoint, k)


def _bm25(table: Table, k: int) -> Candidate:
    from evalharness.candidates.bm25 import Bm25Retriever

    k1, b = float(table.params.get("k1", 1.5)), float(table.params.get("b", 0.75))
    corpus = table.around.corpus
    documents = corpus()
    if not documents:
        table.refuse("retriever", "bm25 searches the eval set's corpus, and it has none", 'add corpus = "FILE.jsonl"')
    fields = string_list(table.params.get("fields", ()))
    if unknown := [field for field in fields if field not in ("title", "text")]:
        table.refuse("fields", f"expected title and text, got {unknown[0]!r}")
    facts = {
        "retriever": "bm25",
        "k": k,
        "k1": k1,
        "b": b,
        "fields": fields,
        "corpus": digest([d.to_json() for d in documents]),
    }
    identity = table.identity(facts, price=(0.0, 0.0), pure=True)
    return Bm25Retriever(identity, corpus=corpus, k=k, k1=k1, b=b, fields=fields)


def _endpoint(table: Table, key: str) -> tuple[Any, Address]:
    from evalharness.candidates.http import JsonEndpoint, templates_in

    source = table.params[key]
    place = address(source["url"], where=table.where(f"{key}.url"))
    pointer = source.get("pick", "")
    if pointer and not pointer.startswith("/"):
        table.refuse(f"{key}.pick", f"expected a JSON pointer that starts with /, got {pointer!r}")
    headers = source.get("headers", EMPTY)
    if any(not isinstance(value, str) or not value.isprintable() for value in headers.values()):
        table.refuse(f"{key}.headers", "expected texts without control characters")
    default_body = {"input": "{{ input }}"}
    endpoint = JsonEndpoint(
        address=place,
        body=templates_in(source.get("body", default_body), where=table.where(f"{key}.body")),
        pointer=pointer,
        method=source.get("method", "POST"),
        headers=headers,
    )
    return endpoint, place


def _http_identity(table: Table, key: str, place: Address, **more: Any) -> Identity:
    source = thaw(table.params[key])
    # A header may hold something that opens doors: its digest says whether it changed, and nothing else.
    headers = {name: f"sha256:{digest_text(value)[:12]}" for name, value in source.get("headers", {}).items()}
    facts = {key: {**source, **({"headers": headers} if headers else {})}, **more}
    return table.identity(facts, price=(0.0, 0.0) if place.loopback else None, host=place.place)


def _recorded(table: Table) -> Recording:
    name = table.params["recorded"]
    path = table.around.project.resolve(name, where=table.where("recorded"))
    return Recorded(table.spec.name, table.around.load_answers(path), source=name)


KINDS: Final[Mapping[str, Build]] = {
    "model": _model,
    "retriever": _retriever,
    "python": _python,
    "http": _http,
    "command": _command,
    "recorded": _recorded,
}
"""Kind key -> what builds it."""
