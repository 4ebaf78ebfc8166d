"""No known secret passes the filter, in whatever form it comes back; ordinary text passes untouched."""

from __future__ import annotations

import base64
import html
import json
import os
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.clients.completion import completion
from evalharness.core import masking
from evalharness.core.endpoints import shown
from evalharness.core.results import Document, Failure, Output
from evalharness.report.sinks import html_json, md_text
from evalharness.runner.border import checked

KEY = "sk-live/abc+DEF=0123456789&<x>"
FORMS = {
    "plain": KEY,
    "inside": f"before{KEY}after",
    "reversed": KEY[::-1],
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of a header": base64.b64encode(f"Bearer {KEY} and more".encode()).decode(),
    "base64 shifted": base64.b64encode(f"xy{KEY}".encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(f"x{KEY}".encode()).decode(),
    "url": urllib.parse.quote(KEY, safe=""),
    "url, small letters": urllib.parse.quote(KEY, safe="").lower(),
    "form": urllib.parse.quote_plus(KEY),
    "every character": "".join(f"%{byte:02X}" for byte in KEY.encode()),
    "hexadecimal": KEY.encode().hex(),
    "html": html.escape(KEY),
    "json of some servers": json.dumps(KEY)[1:-1].replace("/", "\\/"),
    "json in a page": html_json(KEY)[1:-1],
    "markdown": md_text(KEY),
}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if masking.SECRET_NAME.search(name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SOME_API_KEY", KEY)
    masking.forget_secrets()


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_key_passes(form: str) -> None:
    text = masking.without_secrets(f"it is {FORMS[form]}!")
    assert masking.MASK in text
    # What is left of base64 around the cut tells at most two characters of each end.
    assert not any(KEY[at : at + 6] in text for at in range(len(KEY) - 5))
    assert FORMS[form] not in text


@pytest.mark.parametrize("length", range(16, len(KEY)))
def test_a_key_whose_end_was_cut_off_is_hidden(length: int) -> None:
    for text in (f"the reply is {KEY[:length]}", f"{KEY[:length]}… and {KEY[:length]}!"):
        assert KEY[:15] not in masking.without_secrets(text)
        assert masking.without_secrets(text).count(masking.MASK) == text.count(KEY[:15])


def test_messages_are_filtered_before_they_are_cut() -> None:
    for pad in range(60):
        assert KEY[:12] not in shown("x" * pad + KEY, 60)
        failure = completion(("x" * pad + KEY).encode(), latency_s=0.1, price=None, finished=True)
        assert isinstance(failure, Failure)
        assert KEY[:12] not in failure.message


def test_negative_control_looking_for_the_key_as_it_is_misses_the_other_forms() -> None:
    assert [form for form, text in FORMS.items() if KEY in text] == ["plain", "inside"]


@given(st.text(max_size=200))
def test_other_text_passes_untouched(text: str) -> None:
    assert masking.without_secrets(text) == text
    assert masking.without_secrets_in([text]) == [text]


@given(st.binary(max_size=7), st.binary(max_size=7))
def test_any_base64_around_a_key_hides_it(before: bytes, after: bytes) -> None:
    text = masking.without_secrets(base64.b64encode(before + KEY.encode() + after).decode())
    padded = text.replace(masking.MASK, "")
    assert KEY[4:-4].encode() not in base64.b64decode(padded + "=" * (-len(padded) % 4), validate=False)


def test_a_key_given_out_later_is_known_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert masking.without_secrets("another-key-1") == "another-key-1"
    masking.note_secret("another-key-1")
    masking.note_secret("short")
    assert masking.without_secrets("another-key-1 is short") == "[secret] is short"


def test_short_values_and_other_variables_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_API_KEY", "test")
    monkeypatch.setenv("TOKENIZER", "sentencepiece")
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_0123456789")
    masking.forget_secrets()
    assert masking.without_secrets("latest sentencepiece ghs_0123456789") == "latest sentencepiece [secret]"


def test_json_values_are_filtered_inside_and_kept_when_clean() -> None:
    clean = {"a": ["b", {"c": 1.5, "d": None}]}
    assert masking.without_secrets_in(clean) is clean
    found = masking.without_secrets_in({"a": ("x", {KEY: f"{KEY}!", "n": 3})})
    assert found == {"a": ["x", {"[secret]": "[secret]!", "n": 3}]}


def test_an_answer_that_hands_the_key_back_is_kept_without_it() -> None:
    message = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": KEY}}]}
    echo = Output(text=f"your key is {KEY}", messages=(message,), documents=(Document(id="d", text=KEY),), model=KEY)
    kept = checked(echo)
    assert isinstance(kept, Output)
    assert KEY not in str(kept.to_json())
    assert kept.text == "your key is [secret]"
    failed = checked(Failure(stage="candidate", kind="x", message=f"echo {KEY}"))
    assert isinstance(failed, Failure)
    assert failed.message == "echo [secret]"
    plain = Output(text="fine")
    assert checked(plain) is plain
