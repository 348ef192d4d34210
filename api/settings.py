"""The whole environment, read once. Each setting with its unit; all are described in docs/operations.md."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PREFIX = "LUCID_"


class BadSetting(Exception):
    """An environment variable is unknown, or its value is of no use. The message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a deployment may choose."""

    database_url: str = "sqlite:///var/lucid.db"
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    #: Methodology that actions are credited by when they name none.
    methodology: str = "BJ-2024"
    #: Time zone whose calendar days the daily limits and caps go by.
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    #: How long a donation can be taken back.
    reversal_window: timedelta = timedelta(hours=24)
    #: How long a subscription may be quiet before it is sent a checkpoint.
    checkpoint: timedelta = timedelta(seconds=15)
    #: Time that one operation may take.
    deadline: timedelta = timedelta(seconds=30)
    #: Cost of the dearest operation that is executed.
    cost_max: int = 20_000
    #: Budget of each key: what it holds, and what flows into it in a second.
    rate_capacity: int = 100_000
    rate_refill: int = 5_000
    #: Budget of each address that calls without a key.
    anonymous_capacity: int = 20_000
    anonymous_refill: int = 500
    #: Open sockets of each key, in one process.
    sockets: int = 100
    #: Addresses or networks of proxies whose `X-Forwarded-For` is believed.
    trusted_proxies: tuple[str, ...] = ()
    #: Web origins whose pages may call; the service's own is always allowed.
    origins: tuple[str, ...] = ()
    #: Documents that callers may name in place of sending them, by their ids.
    trusted_documents: Mapping[str, str] = field(default_factory=dict)
    log_level: str = "info"


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return read


def _seconds(least: int, most: int) -> Callable[[str], timedelta]:
    read_number = _number(least, most)
    return lambda text: timedelta(seconds=read_number(text))


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected a time zone such as Asia/Shanghai") from None


def _level(text: str) -> str:
    if text not in {"debug", "info", "warning", "error"}:
        raise ValueError("expected debug, info, warning or error")
    return text


def _documents(path: str) -> dict[str, str]:
    """Read a file as relay-compiler and graphql-codegen write it: a JSON object of documents by their ids."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"the file cannot be read: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(one, str) for one in content.values()):
        raise ValueError("expected a file with a JSON object of documents by their ids")
    return content


#: Environment variable, field, and how its text is read.
VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "DATABASE_URL": ("database_url", str),
    "LUCID_HOST": ("host", str),
    "LUCID_PORT": ("port", _number(0, 65_535)),
    "LUCID_WORKERS": ("workers", _number(1, 64)),
    "LUCID_METHODOLOGY": ("methodology", str),
    "LUCID_TIMEZONE": ("timezone", _zone),
    "LUCID_REVERSAL_WINDOW_S": ("reversal_window", _seconds(0, 31_536_000)),
    "LUCID_CHECKPOINT_S": ("checkpoint", _seconds(1, 3_600)),
    "LUCID_DEADLINE_S": ("deadline", _seconds(1, 600)),
    "LUCID_COST_MAX": ("cost_max", _number(1, 1_000_000_000)),
    "LUCID_RATE_CAPACITY": ("rate_capacity", _number(1, 1_000_000_000)),
    "LUCID_RATE_REFILL_PER_S": ("rate_refill", _number(1, 1_000_000_000)),
    "LUCID_ANONYMOUS_CAPACITY": ("anonymous_capacity", _number(1, 1_000_000_000)),
    "LUCID_ANONYMOUS_REFILL_PER_S": ("anonymous_refill", _number(1, 1_000_000_000)),
    "LUCID_SOCKETS_PER_KEY": ("sockets", _number(1, 100_000)),
    "LUCID_TRUSTED_PROXIES": ("trusted_proxies", lambda text: tuple(text.split())),
    "LUCID_ORIGINS": ("origins", lambda text: tuple(text.split())),
    "LUCID_TRUSTED_DOCUMENTS": ("trusted_documents", _documents),
    "LUCID_LOG_LEVEL": ("log_level", _level),
}


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises: BadSetting for one that begins with LUCID_ and is not known, or whose value cannot be read.
    """
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in VARIABLES)
    if unknown:
        raise BadSetting(f"{unknown[0]} is not a setting; there are {', '.join(sorted(VARIABLES))}.")
    values: dict[str, Any] = {}
    for name, (attribute, read) in VARIABLES.items():
        if name in environment:
            try:
                values[attribute] = read(environment[name])
            except ValueError as error:
                raise BadSetting(f"{name}={environment[name]!r} cannot be used: {error}.") from None
    return Settings(**values)


assert {attribute for attribute, _ in VARIABLES.values()} == {one.name for one in fields(Settings)}  # noqa: S101 - ours to keep
