"""The two worlds that never meet: LIVE, and a SANDBOX for partners' tests."""

from enum import StrEnum


class Environment(StrEnum):
    """The world a row belongs to."""

    LIVE = "LIVE"
    SANDBOX = "SANDBOX"
