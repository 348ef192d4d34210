"""How a command's work is run, and how it fails: with one clear sentence."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from tortoise.exceptions import BaseORMException

Result = TypeVar("Result")


class Failed(Exception):
    """The command cannot do what was asked. The message is one clear sentence."""


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine; what the database says no to is said in a sentence."""
    try:
        return asyncio.run(work)
    except BaseORMException as error:
        raise Failed(f"The database says: {(str(error) or type(error).__name__).splitlines()[0]}") from error
    except OSError as error:
        raise Failed(str(error) or type(error).__name__) from error
