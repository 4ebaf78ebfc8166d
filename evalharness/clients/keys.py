"""Which API key may go to which host. A pull request that can choose the address must not get the key.

A key is bound to its provider's own hosts here, and to further hosts by the operator alone: in the environment
(``EVALH_KEY_HOSTS``) or on the command line (``--key-host``), never in the project's files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from evalharness.core.endpoints import Address
from evalharness.core.errors import ConfigError, KeyMissing
from evalharness.core.masking import note_secret
from evalharness.core.specs import EMPTY

NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*_API_KEY|API_KEY")
"""What the name of a key variable must match in full."""

OWN_HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    "OPENAI_API_KEY": ("api.openai.com", "eu.api.openai.com", "us.api.openai.com"),
    "ANTHROPIC_API_KEY": ("api.anthropic.com",),
    "CEREBRAS_API_KEY": ("api.cerebras.ai",),
    "COHERE_API_KEY": ("api.cohere.ai", "api.cohere.com"),
    "DEEPSEEK_API_KEY": ("api.deepseek.com",),
    "FIREWORKS_API_KEY": ("api.fireworks.ai",),
    "GEMINI_API_KEY": ("generativelanguage.googleapis.com",),
    "GOOGLE_API_KEY": ("generativelanguage.googleapis.com",),
    "GROQ_API_KEY": ("api.groq.com",),
    "MISTRAL_API_KEY": ("api.mistral.ai",),
    "MOONSHOT_API_KEY": ("api.moonshot.ai", "api.moonshot.cn"),
    "NVIDIA_API_KEY": ("integrate.api.nvidia.com",),
    "OPENROUTER_API_KEY": ("openrouter.ai",),
    "PERPLEXITY_API_KEY": ("api.perplexity.ai",),
    "TOGETHER_API_KEY": ("api.together.xyz", "api.together.ai"),
    "XAI_API_KEY": ("api.x.ai",),
}
"""Key variable -> the provider's own hosts."""
_DUMMY: Final = "no-key"
"""Sent to a loopback endpoint that needs no key, because the client library insists on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRule:
    """The checked permission to send one key to one host; the value is read from the environment at the first call."""

    name: str
    """Variable, or empty where no key is sent."""
    optional: bool
    """True on loopback when the config names no key: none is needed then."""
    forbidden: str = ""
    """Why no key is given out at all, or empty."""
    environ: Mapping[str, str] = field(default_factory=lambda: EMPTY, repr=False)

    def value(self) -> str:
        """The key.

        Raises:
            KeyMissing: If the variable is missing or empty, or keys are not given out.
        """
        key = self.environ.get(self.name, "").strip() if self.name and not self.forbidden else ""
        if key or self.optional:
            note_secret(key)
            return key or _DUMMY
        if self.forbidden:
            raise KeyMissing(self.forbidden, tip="run it where keys are allowed, or replay recorded answers")
        seen = "is empty" if self.name in self.environ else "is not set"
        raise KeyMissing(f"the environment variable {self.name} {seen}", tip=f"export {self.name}=...")

    def secrets(self) -> tuple[str, ...]:
        """Values that must never be shown."""
        key = self.environ.get(self.name, "").strip() if self.name else ""
        return (key,) if key else ()


def key_rule(
    name: str | None,
    address: Address,
    *,
    environ: Mapping[str, str],
    key_hosts: Mapping[str, tuple[str, ...]] = EMPTY,
    untrusted: bool = False,
    where: str = "",
) -> KeyRule:
    """Decide whether a key may go to an address.

    Args:
        name: ``api_key_env`` of the config; None: the variable of the provider that owns the host.
        address: Where calls go.
        environ: The environment.
        key_hosts: Key variable -> hosts, from the command line; the environment's ``EVALH_KEY_HOSTS`` is added.
        untrusted: Give out no keys.
        where: ``FILE:LINE: key`` for errors.

    Raises:
        ConfigError: If the name is no key variable, or the key is not bound to the host.
    """
    if name is not None and not NAME.fullmatch(name):
        raise ConfigError(f"api_key_env must name a variable that ends in _API_KEY, got {name[:60]!r}", where=where)
    forbidden = "no API key is given out to untrusted input (--untrusted)" if untrusted else ""
    if address.loopback:
        return KeyRule(name=name or "", optional=name is None, environ=environ, forbidden=forbidden)
    name = name or _owner(address, where)
    allowed = (*OWN_HOSTS.get(name, ()), *key_hosts.get(name, ()), *_operator_hosts(environ).get(name, ()))
    if address.host not in allowed and address.place not in allowed:
        raise ConfigError(
            f"{name} is not bound to the host {address.host!r}, so its value is not sent there",
            where=where,
            tip=f"if that host may have the key, type: export EVALH_KEY_HOSTS={name}={address.host}",
        )
    return KeyRule(name=name, optional=False, environ=environ, forbidden=forbidden)


def _owner(address: Address, where: str) -> str:
    for name, hosts in OWN_HOSTS.items():
        if address.host in hosts:
            return name
    raise ConfigError(
        f"no key is known for the host {address.host!r}",
        where=where,
        tip='name its variable, for example api_key_env = "MYHOST_API_KEY"',
    )


def _operator_hosts(environ: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """What the operator's environment binds.

    ``EVALH_KEY_HOSTS`` holds ``NAME=host[,host]``, several apart by blanks or semicolons; ``OPENAI_BASE_URL`` binds its
    host to the OpenAI key.
    """
    hosts: dict[str, tuple[str, ...]] = {}
    for entry in re.split(r"[\s;]+", environ.get("EVALH_KEY_HOSTS", "")):
        name, _, names = entry.partition("=")
        hosts[name] = (*hosts.get(name, ()), *(host.lower() for host in names.split(",") if host))
    base = re.match(r"https?://([^/@]+)", environ.get("OPENAI_BASE_URL", ""))
    if base:
        hosts["OPENAI_API_KEY"] = (*hosts.get("OPENAI_API_KEY", ()), base[1].lower())
    return hosts
