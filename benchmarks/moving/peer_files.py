"""Files of other tools, written by those tools themselves: python benchmarks/moving/peer_files.py KIND FOLDER [BASE_URL]

Run it with the Python of an environment that has the tool, and read what it wrote with ``evalh evalset import``. KIND is
``deepeval``, ``inspect``, ``ragas``, ``otel`` (opentelemetry-util-genai, -sdk, -exporter-otlp-proto-common),
``openinference`` (openinference-instrumentation-openai and the same) or ``litellm``. The last two ask a model at
BASE_URL, an OpenAI-compatible endpoint, and once at a closed port.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

CLOSED = "http://127.0.0.1:1/v1"


def deepeval(folder: Path, _: str) -> None:
    """Goldens and a conversation in the three forms that it saves."""
    os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "YES"
    from deepeval.dataset import ConversationalGolden, EvaluationDataset, Golden
    from deepeval.test_case import ToolCall

    call = [ToolCall(name="price", input_parameters={"kg": 1})]
    goldens = [
        Golden(
            input=f"How much does {kilos} kg cost to Spain?",
            expected_output=f"{4 + 3 * kilos} euros",
            actual_output=f"{4 + 3 * kilos} euros",
            context=["Prices", "per kg"],
            retrieval_context=["r1", "r2"],
            additional_metadata={"region": "eu"},
            tools_called=call,
            expected_tools=call,
        )
        for kilos in range(1, 71)
    ]
    talk = [ConversationalGolden(scenario="A refund", expected_outcome="It is paid", user_description="calm")]
    for name, found in (("goldens", goldens), ("talks", talk)):
        for form in ("json", "csv", "jsonl"):
            EvaluationDataset(goldens=found).save_as(
                file_type=form, directory=str(folder), file_name=f"deepeval-{name}"
            )


def inspect(folder: Path, _: str) -> None:
    """A log in both forms, two epochs. Its mock model counts tokens with a file from the network: a stand-in counts."""
    import tiktoken

    counter = type("Counter", (), {"encode": lambda *_, **__: [0]})()
    tiktoken.get_encoding = tiktoken.encoding_for_model = lambda *_: counter
    from inspect_ai import Task, eval  # noqa: A004 - its name
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ModelOutput, get_model
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate

    samples = [Sample(id=f"c{k}", input=f"How much does {k} kg cost?", target=f"{4 + 3 * k} euros") for k in range(20)]
    for form in ("eval", "json"):
        said = [ModelOutput.from_content("mockllm/model", f"{4 + 3 * (i // 2)} euros") for i in range(40)]
        task = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=match(), epochs=2)
        model = get_model("mockllm/model", custom_outputs=said)
        eval(task, model=model, log_dir=str(folder), log_format=form, display="none")


def ragas(folder: Path, _: str) -> None:
    """Single turns as JSONL and CSV, a talk with tools as JSONL."""
    from ragas import EvaluationDataset, MultiTurnSample
    from ragas.messages import AIMessage, HumanMessage, ToolCall, ToolMessage

    rows = [
        {"user_input": f"q{k}", "response": f"a{k}", "retrieved_contexts": ["c1", "it's c2"], "reference": f"r{k}"}
        for k in range(30)
    ]
    single = EvaluationDataset.from_list(rows)
    single.to_jsonl(str(folder / "ragas.jsonl"))
    single.to_csv(str(folder / "ragas.csv"))
    call = ToolCall(name="f", args={"x": 1})
    turns = [
        HumanMessage(content="hi"),
        AIMessage(content="ok", tool_calls=[call]),
        ToolMessage(content="1"),
        AIMessage(content="done"),
    ]
    talk = MultiTurnSample(user_input=turns, reference="r", reference_tool_calls=[call])
    EvaluationDataset(samples=[talk]).to_jsonl(str(folder / "ragas-talk.jsonl"))


def _tracer(folder: Path, name: str) -> Any:
    """A tracer whose spans are written as OTLP JSON and as the console exporter's lines."""
    from google.protobuf.json_format import MessageToJson
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    class Files(SpanExporter):
        def export(self, spans: Any) -> Any:
            with (folder / f"{name}-otlp.jsonl").open("a") as file:
                file.write(MessageToJson(encode_spans(spans), indent=None) + "\n")
            with (folder / f"{name}-console.jsonl").open("a") as file:
                file.writelines(span.to_json(indent=None) + "\n" for span in spans)
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Files()))
    return provider


def otel(folder: Path, _: str) -> None:
    """GenAI spans by OpenTelemetry's own handler, content on the spans, the last one failed."""
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    from opentelemetry.util.genai.handler import TelemetryHandler
    from opentelemetry.util.genai.types import InputMessage, OutputMessage, Text

    handler = TelemetryHandler(tracer_provider=_tracer(folder, "otel"))
    for number in range(5):
        try:
            with handler.inference("openai", request_model="small") as call:
                call.input_messages = [InputMessage(role="user", parts=[Text(content=f"question {number}")])]
                call.attributes.update({"app.request_id": f"r{number}"})
                if number == 4:
                    raise ConnectionError("down")  # noqa: TRY301 - a call that fails
                said = [Text(content=f"answer {number}")]
                call.output_messages = [OutputMessage(role="assistant", parts=said, finish_reason="stop")]
                call.input_tokens, call.output_tokens = 40, 4
        except ConnectionError:
            continue


def openinference(folder: Path, base_url: str) -> None:
    """Calls of the official client under OpenInference's instrumentation, the last one without a server."""
    from openai import APIConnectionError, OpenAI
    from openinference.instrumentation import using_metadata
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=_tracer(folder, "openinference"))
    for number in range(6):
        client = OpenAI(base_url=base_url if number < 5 else CLOSED, api_key="none", max_retries=0)
        try:
            with using_metadata({"request_id": f"r{number}"}):
                client.chat.completions.create(model="small", messages=_asked(number))
        except APIConnectionError:
            continue


def litellm(folder: Path, base_url: str) -> None:
    """Its standard logging payloads, the last one of a call that failed."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm as library
    from litellm.integrations.custom_logger import CustomLogger

    file = (folder / "litellm.jsonl").open("w")

    class Payloads(CustomLogger):
        async def async_log_success_event(self, kwargs: Any, **_: Any) -> None:
            file.write(json.dumps(kwargs["standard_logging_object"], default=str) + "\n")

        async_log_failure_event = async_log_success_event

    async def ask() -> None:
        for number in range(6):
            where = base_url if number < 5 else CLOSED
            try:
                await library.acompletion(
                    model="openai/small", api_base=where, api_key="none", messages=_asked(number), num_retries=0
                )
            except Exception as error:  # noqa: BLE001 - whatever it raises, the log line is what is wanted
                print(type(error).__name__)
        await asyncio.sleep(5)  # it logs in the background

    library.callbacks = [Payloads()]
    asyncio.run(ask())
    file.close()


def _asked(number: int) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "a shop"},
        {"role": "user", "content": f"What does {number + 1} kg cost to Spain?"},
    ]


KINDS = {f.__name__: f for f in (deepeval, inspect, ragas, otel, openinference, litellm)}

if __name__ == "__main__":
    where = Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    KINDS[sys.argv[1]](where, sys.argv[3] if len(sys.argv) > 3 else "http://127.0.0.1:8000/v1")
