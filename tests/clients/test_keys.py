"""Keys and hosts, addresses, masking."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.clients.keys import key_rule
from evalharness.core.endpoints import address, shown
from evalharness.core.errors import ConfigError, KeyMissing
from evalharness.core.masking import mask

SECRET = "sk-abcdef0123456789"


def rule(name, url, environ=None, **more):
    return key_rule(
        name, address(url, where="evalh.toml:5"), environ={"OPENAI_API_KEY": SECRET, **(environ or {})}, **more
    )


def test_a_key_goes_to_its_own_provider():
    assert rule("OPENAI_API_KEY", "https://api.openai.com/v1").value() == SECRET
    assert rule(None, "https://API.OpenAI.com/v1").value() == SECRET


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        "https://api.openai.com.evil.example/v1",
        "https://evil.example/api.openai.com",
        "https://xapi.openai.com/v1",
        "https://api.openai.com:8443/v1".replace("api.", "a-pi."),
    ],
)
def test_a_key_goes_nowhere_else_and_the_line_to_type_is_shown(url):
    with pytest.raises(ConfigError, match=r"export EVALH_KEY_HOSTS=OPENAI_API_KEY=") as caught:
        rule("OPENAI_API_KEY", url)
    assert caught.value.exit_code == 2
    assert SECRET not in str(caught.value)


def test_the_operator_can_bind_a_host():
    url = "https://proxy.corp/v1"
    assert rule("OPENAI_API_KEY", url, {"EVALH_KEY_HOSTS": "A_API_KEY=x;OPENAI_API_KEY=y,Proxy.corp"}).value() == SECRET
    assert rule("OPENAI_API_KEY", url, key_hosts={"OPENAI_API_KEY": ("proxy.corp",)}).value() == SECRET
    assert rule("OPENAI_API_KEY", url, {"OPENAI_BASE_URL": url}).value() == SECRET
    with pytest.raises(ConfigError):
        rule("OPENAI_API_KEY", url, key_hosts={"OTHER_API_KEY": ("proxy.corp",)})


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PATH", "x_API_KEY", "A_API_KEY\n", "", "HOME_API_KEYS"]
)
def test_only_key_variables_can_be_named(name):
    with pytest.raises(ConfigError, match="must name a variable"):
        rule(name, "http://127.0.0.1:1/v1")


def test_unknown_host_without_a_name():
    with pytest.raises(ConfigError, match="api_key_env"):
        rule(None, "https://unknown.example/v1")


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": " "}])
def test_empty_counts_as_missing(environ):
    place = address("https://api.openai.com/v1", where="")
    with pytest.raises(KeyMissing) as caught:
        key_rule(None, place, environ=environ).value()
    assert caught.value.exit_code == 4


def test_untrusted_input_gets_no_key():
    with pytest.raises(KeyMissing, match="untrusted"):
        rule("OPENAI_API_KEY", "https://api.openai.com/v1", untrusted=True).value()
    with pytest.raises(KeyMissing, match="untrusted"):
        rule("OPENAI_API_KEY", "http://localhost:1/v1", untrusted=True).value()
    assert rule(None, "http://localhost:1/v1", untrusted=True).value() != SECRET


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v1", "ftp://127.0.0.1/", "127.0.0.1:80", "https://user:pw@example.com/", "https://",
        "http://127.0.0.1:99999/", "http://127.0.0.1.evil.example/", "http://127.0.0.1 .x/", "http://[::1", "javascript:x",
        "https://a\\@b/", "http://localhost.evil.example/", "http://0.0.0.0/",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(url):
    with pytest.raises(ConfigError):
        address(url, where="evalh.toml:5")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8000/v1/", "127.0.0.1:8000"),
        ("http://LOCALHOST/v1", "localhost"),
        ("http://[::1]:9/v1", "[::1]:9"),
        ("http://127.9.9.9:1/", "127.9.9.9:1"),
    ],
)
def test_loopback(url, place):
    checked = address(url, where="")
    assert checked.loopback
    assert checked.place == place
    assert not checked.url.endswith("/")


def test_an_error_about_an_address_does_not_show_its_password():
    with pytest.raises(ConfigError) as caught:
        address("ftp://user:hunter2secret@example.com/", where="")
    assert "hunter2secret" not in str(caught.value)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_", min_size=8, max_size=60), st.text(), st.text())
def test_a_secret_is_masked_plain_and_in_base64_at_any_alignment(secret, before, after):
    assert secret not in mask(f"{before} {secret} {after}".replace(secret, "", 0), [secret])
    for shift in range(3):
        hidden = base64.b64encode(b"x" * shift + secret.encode() + b"yz").decode()
        shown_text = mask(f"error: {hidden}", [secret])
        assert hidden not in shown_text


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef123456789",
        "Incorrect key sk-abcdef123456789 given",
        'api_key="abcdef123456789"',
        "https://me:abcdef123456789@host/",
    ],
)
def test_what_looks_like_a_credential_is_masked_unknown_as_it_is(text):
    assert "abcdef123456789" not in mask(text)


def test_masking_leaves_other_text_alone():
    assert mask("the bearer of bad news; api keys; ask-me", ["abc"]) == "the bearer of bad news; api keys; ask-me"


def test_shown_is_one_short_line():
    assert shown("a\x1b[31m\r\nb\u202ec" + "x" * 500, 20) == "a [31m b cxxxxxxxxx…"
