"""Whether all servers answer the same: asked for the same user, list and project, they must tell the same values.

Their schemas differ in names, kinds of id and in how they write large numbers, so answers are brought into one form:
the values in the order of the document.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.models import decode_id
from bench.servers import Running, ask

USERS, PROJECTS = 5, 2


class AnswersDiffer(Exception):
    """Two servers tell different things of the same rows."""


def require_same_answers(running: Sequence[Running], known: Mapping[str, Any]) -> None:
    """Ask every server for the same and compare.

    Raises: AnswersDiffer.
    """
    step = max(1, len(known["users"]) // USERS)
    questions = [("R1", "$user", user) for user in known["users"][::step]]
    questions += [("R3", "$project", project) for project in known["projects"][:PROJECTS]]
    questions.append(("R2", "", ["", "", 0]))
    for item, name, ids in questions:
        first: tuple[str, list[Any]] | None = None
        for one in running:
            target = one.targets[item]
            key = str(ids[2] + 1) if name == "$user" else "1"
            variables = {"id": ids[0] if target.apps else ids[1]} if name else {}
            answer = ask(one, target, variables, key)
            told = list(_values(answer.get("data")))
            if first is None:
                first = (one.name, told)
            if told != first[1] or not told:
                raise AnswersDiffer(f"{item} of {ids[0]}: {first[0]} says {first[1]}, {one.name} says {answer}")


def _values(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        if {"credited", "debited", "held"} <= content.keys():
            yield int(content["credited"]) - int(content["debited"]) - int(content["held"])
            return
        for value in content.values():
            yield from _values(value)
    elif isinstance(content, list):
        for value in content:
            yield from _values(value)
    else:
        yield _plain(content)


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.isdecimal():
        return int(value)
    if (decoded := decode_id(value)) is not None:
        return str(decoded[1])
    try:
        # Node's clocks know milliseconds.
        moment = datetime.fromisoformat(value).astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000).isoformat()
    except ValueError:
        return value
