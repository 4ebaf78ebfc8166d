"""Redaction: what is found, what is left alone, and that equal secrets get equal placeholders."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.moving.redaction import Redactor

SECRETS = [
    ("mail me at jane.doe+shop@mail.example.co.uk.", "jane.doe+shop@mail.example.co.uk", "email"),
    ("call +49 170 1234567 today", "+49 170 1234567", "phone"),
    ("call (030) 123 4567", "(030) 123 4567", "phone"),
    ("call 555-123-4567", "555-123-4567", "phone"),
    ("call 0171 2345678", "0171 2345678", "phone"),
    ("card 4111 1111 1111 1111", "4111 1111 1111 1111", "card"),
    ("card 5500005555555559.", "5500005555555559", "card"),
    ("key sk-proj-abcdefghijklmnop1234", "sk-proj-abcdefghijklmnop1234", "key"),
    ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", "key"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "key"),
    ("Authorization: Bearer abcdefghijklmnopqrstuv", "abcdefghijklmnopqrstuv", "key"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghij", "eyJhbGciOiJIUzI1NiJ9", "key"),
    ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "abc", "key"),
]
HARMLESS = [
    "We open at 9 on 24 December 2026.",
    "Order 12345 of 2026-11-25 costs 1,299.00 EUR",
    "version 3.11.7, 127.0.0.1, 0.123456789012",
    "1234567890123456 is no card",
    "550e8400-e29b-41d4-a716-446655440000",
    "the desk-sk-top and @handle, a@b",
]


@pytest.mark.parametrize(("text", "secret", "kind"), SECRETS)
def test_secrets_are_taken_out(text: str, secret: str, kind: str) -> None:
    redactor = Redactor(b"k")
    clean = redactor.text(text)
    assert secret not in clean
    assert re.search(rf"\[{kind}-[0-9a-f]{{12}}\]", clean)
    assert dict(redactor.found) == {kind: 1}


@pytest.mark.parametrize("text", HARMLESS)
def test_other_numbers_stay(text: str) -> None:
    assert Redactor(b"k").text(text) == text


def test_equal_secrets_get_equal_placeholders_under_one_key_only() -> None:
    one, other = Redactor(b"k"), Redactor(b"k")
    text = "a@b.example wrote to A@B.example; card 4111-1111-1111-1111 or 4111111111111111"
    clean = one.text(text)
    assert len(set(re.findall(r"email-[0-9a-f]+", clean))) == len(set(re.findall(r"card-[0-9a-f]+", clean))) == 1
    assert other.text(text) == clean
    assert Redactor(b"another").text(text) != clean


def test_all_texts_of_a_value() -> None:
    redactor = Redactor(b"k")
    value = {"a@b.example": ["x c@d.example", {"n": 4111111111111111, "m": 1234567890123, "t": True}], "k": None}
    text = str(redactor.value(value))
    assert "@" not in text
    assert "4111111111111111" not in text
    assert "1234567890123" in text
    assert redactor.found == {"email": 2, "card": 1}
    assert redactor.lines() == ["redacted before anything was written: 1 card, 2 email"]
    assert Redactor(b"k").lines() == []


@given(st.text(max_size=200))
def test_placeholders_hold_still(text: str) -> None:
    redactor = Redactor(b"k")
    once = redactor.text(text)
    assert Redactor(b"k").text(once) == once


@given(st.text(alphabet="@.+-0129 aA_/()", max_size=3000))
def test_hostile_runs_end(text: str) -> None:
    Redactor(b"k").text(text * 3)
