"""Says where two outcomes of the same operation in the same world differ.

What is executed at once comes in one order only, so everything must be the same. What is awaited comes in any: then the
order of errors is open. Where several fields are awaited under a parent that becomes null, which of their errors is
reported depends on which comes first, and the language leaves open whether the others are executed at all. There each
executor must report at least one error, and the same where both report none but the parent's own.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.execution.differ.executors import Outcome
from tests.execution.differ.worlds import Nature

Path = tuple[str | int, ...]
Error = dict[str, Any]
# What may be wrong with an item and with the list around it.
OF_LISTS_TOO = ("Cannot return null", "Expected Iterable")


def differences(expected: Outcome, found: Outcome, nature: Nature) -> list[str]:
    """Return how the second outcome differs from the first."""
    return list(_differences(expected, found, nature))


def _differences(expected: Outcome, found: Outcome, nature: Nature) -> Iterator[str]:
    if _ordered(expected.data) != _ordered(found.data):
        yield f"data: {expected.data!r} became {found.data!r}"
        return
    if expected.at_once:
        yield from _compare("errors", expected.errors, found.errors)
        if found.at_once:
            yield from _compare("calls", expected.calls, found.calls)
        else:  # a coroutine that is given up may come to its end or not
            yield from _compare("calls", list(_outside(expected)), list(_outside(found)))
    else:
        yield from _compare_errors(expected, found)
        yield from _compare_calls(expected, found)
    if nature.tidy or expected.at_once or not found.errors:  # else something may have been cancelled
        for complaint in found.complaints:
            yield f"complaint: {complaint}"


def _compare(what: str, expected: list[Any], found: list[Any]) -> Iterator[str]:
    if expected != found:
        for number, (one, other) in enumerate(zip(expected, found, strict=False)):
            if one != other:
                yield f"{what} {number}: {one!r} became {other!r}"
                return
        yield f"{what}: {expected[len(found) :]!r} became {found[len(expected) :]!r}"


def _compare_errors(expected: Outcome, found: Outcome) -> Iterator[str]:
    certain, nulled = _sorted_errors(expected)
    certain_found, nulled_found = _sorted_errors(found)
    if certain != certain_found:
        yield f"errors: {certain - certain_found!r} became {certain_found - certain!r}"
    for null in sorted({*nulled, *nulled_found}, key=repr):
        errors, errors_found = nulled.get(null, []), nulled_found.get(null, [])
        its_own_alone = all(_path(error) == null for error in errors + errors_found)
        if not errors or not errors_found or (its_own_alone and errors != errors_found):
            yield f"nulled {null!r}: {errors!r} became {errors_found!r}"
        elif any(_is_moved(error, other) for error in errors for other in errors_found):
            yield f"moved {null!r}: {errors!r} became {errors_found!r}"


def _sorted_errors(outcome: Outcome) -> tuple[Counter[str], dict[Path, list[Error]]]:
    """Return the errors that must be as they are, and by nulled position those of it and inside of it."""
    certain: Counter[str] = Counter()
    nulled: dict[Path, list[Error]] = {}
    for error in outcome.errors:
        null = nulled_at(outcome.data, _path(error))
        if null is None:
            certain[repr(error)] += 1
        else:
            nulled.setdefault(null, []).append(error)
    return certain, nulled


def _path(error: Error) -> Path:
    return tuple(error.get("path", ()))


def _is_moved(error: Error, other: Error) -> bool:
    """Return whether a leaf's error is told of an item by one, and by the other of a list around it."""
    path, other_path = _path(error), _path(other)
    return (
        error["message"] == other["message"]
        and not error["message"].startswith(OF_LISTS_TOO)
        and len(path) != len(other_path)
        and _field(path) == _field(other_path)
    )


def _field(path: Path) -> Path:
    """Return the path without the indices at its end."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _compare_calls(expected: Outcome, found: Outcome) -> Iterator[str]:
    outside = Counter(_outside(expected))
    outside_found = Counter(_outside(found))
    if outside != outside_found:
        yield f"calls: {outside - outside_found!r} became {outside_found - outside!r}"
    twice = [key for key, count in Counter(key for key, _ in found.calls if _is_field(key)).items() if count > 1]
    if twice:
        yield f"called more than once: {twice!r}"


def _is_field(key: Any) -> bool:
    """Return whether a key is a field's position, not a question about a type nor a look at an attribute."""
    return isinstance(key[-1], str) and not key[-1].startswith("plain")


def _outside(outcome: Outcome) -> Iterator[Any]:
    """Return the calls for positions that are not inside of one that is null."""
    return (call for call in outcome.calls if not _is_inside(outcome.data, call[0]))


def _is_inside(data: Any, key: Any) -> bool:
    null = nulled_at(data, key)
    return null is not None and len(null) < len(key)


def nulled_at(data: Any, path: Path) -> Path | None:
    """Return the first position on the way that is null, if there is one."""
    if data is None:
        return ()
    for depth, key in enumerate(path, start=1):
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
        if data is None:
            return path[:depth]
    return None


def _ordered(data: Any) -> Any:
    """Return data so that the order of its keys and the types of its values matter."""
    if isinstance(data, dict):
        return [(key, _ordered(value)) for key, value in data.items()]
    if isinstance(data, list):
        return ["list", *map(_ordered, data)]
    return type(data), repr(data)
