"""Objects that show a row each: what is read of many rows at once, by one loop that knows their class.

A class may say of its plain fields where they lie in a row that its objects hold (`reading.py`). What is selected of
such fields needs no position, no spot and no call for each object: it is a dictionary display in a loop over the rows.
The loop is written when a first row of a class is met, because only then is it known which item of a row is which
column, and how the driver left it there.

Reading has no effect and may be done twice. So whatever is unusual (a null where none may be, a value of another type,
an error) ends the loop without an answer, and the objects are completed like any others, with all checks and paths.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from inspect import getattr_static
from textwrap import indent
from typing import Any, TypeAlias

from api.execution.cells import Cell, Cells, Selected

# Rows of so many classes are read by loops of their own; those of any further are read one by one.
CLASSES_MAX = 64

#: Makes of rows what was selected of each, or None when something is unusual.
ReadRows: TypeAlias = Callable[[Iterable[Any]], "list[dict[str, Any]] | None"]
#: Gives a value a name in generated text.
Keep: TypeAlias = Callable[[str, object], str]
#: Makes of a row what was selected of it, or None when something is unusual.
ReadRow: TypeAlias = Callable[[Any], "dict[str, Any] | None"]
#: Takes the name of the parameter and the statements, and returns the function.
Define: TypeAlias = Callable[[str, list[str]], Any]


class Table:
    """What is selected of the rows that objects of one class hold."""

    def __init__(self, kind: type, selected: Selected, keep: Keep, define: Define) -> None:
        self._kind = kind
        self._selected = selected
        self._keep = keep
        self._define = define
        self._loops: dict[type, ReadRows] = {}
        self._readers: dict[type, ReadRow] = {}

    def takes(self, value: Any) -> bool:
        """Tell whether a value is a sequence of such objects that has their rows as `rows`."""
        if not hasattr(type(value), "shown_as"):
            return False
        return value.shown_as is self._kind and bool(value.held_as == self._selected.holder)

    def read(self, rows: Any) -> "list[dict[str, Any]] | None":
        """Return what was selected of rows, all of one class; None when something is unusual."""
        if not rows:
            return []
        kind = type(rows[0])
        loop = self._loops.get(kind)
        if loop is None:
            if len(self._loops) >= CLASSES_MAX:
                return None
            loop = self._loops[kind] = _Reader(kind, self._keep).loop(self._selected, self._define)
        return loop(rows)

    def read_one(self, row: Any) -> dict[str, Any] | None:
        """Return what was selected of a row; None when something is unusual."""
        kind = type(row)
        read = self._readers.get(kind)
        if read is None:
            if len(self._readers) >= CLASSES_MAX:
                return None
            read = self._readers[kind] = _Reader(kind, self._keep).one(self._selected, self._define)
        return read(row)


class _Reader:
    """Writes how rows of a class are read."""

    def __init__(self, kind: type, keep: Keep) -> None:
        self._kind = kind
        self._keep = keep
        self._statements: list[str] = []
        self._conditions: list[str] = []
        self._values = 0

    def one(self, selected: Selected, define: Define) -> ReadRow:
        """Return the function for one row."""
        shown = self._write(selected)
        read: ReadRow = define("r", [_attempt([*self._statements, f"return {shown}"])])
        return read

    def loop(self, selected: Selected, define: Define) -> ReadRows:
        """Return the function for many."""
        shown = self._write(selected)
        each = indent("\n".join([*self._statements, f"put({shown})"]), "    ")
        loop = ["found = []", "put = found.append", f"for r in rows:\n{each}", "return found"]
        read: ReadRows = define("rows", [_attempt(loop)])
        return read

    def _write(self, selected: Selected) -> str:
        """Write the statements, and return the expression of what is in the answer."""
        shown = self._display(selected.cells)
        if self._conditions:
            self._statements.append(f"if not ({' and '.join(self._conditions)}):\n    return None")
        return shown

    def _display(self, cells: Cells) -> str:
        return "{" + ", ".join(f"{key!r}: {self._value(cell)}" for key, cell in cells.items()) + "}"

    def _value(self, cell: "Cell | Cells | str | None") -> str:
        if cell is None or isinstance(cell, str):
            return repr(cell)
        return self._read(cell) if isinstance(cell, Cell) else self._display(cell)

    def _read(self, cell: Cell) -> str:
        """Write the statements that read a value, and return the expression of what it is in the answer."""
        _, name = cell.read.path
        value = f"v{self._values}"
        self._values += 1
        column = getattr_static(self._kind, name, None)
        index, decode = getattr(column, "index", None), getattr(column, "decode", None)
        if type(index) is not int or not hasattr(column, "decode"):
            item, decode = f"r.{name}", None
        else:
            item = f"r[{index}]"
            if names := self._names(cell, column):
                return f"{names}[{item}]"
        shortcut = cell.read.shortcuts.get(decode) if decode is not None else None
        self._statements.append(f"{value} = {item}")
        if (made := shortcut or decode) is not None:
            self._statements.append(f"if {value} is not None:\n    {value} = {self._keep('D', made)}({value})")
        if shortcut is None and cell.read.make is not None:
            self._statements.append(f"{value} = {self._keep('M', cell.read.make)}({value})")
        return self._checked(cell, value)

    def _names(self, cell: Cell, column: object) -> str | None:
        """Return the dictionary from what the driver left of an enum to the names of its members, if there is one."""
        members: Mapping[Any, Any] | None = getattr(column, "members", None)
        if members is None or cell.read.make is not None:
            return None
        with suppress(Exception):
            names = {raw: cell.leaf.name_of(member) for raw, member in members.items()}
            return self._keep("E", names | {None: None} if cell.leaf.nullable else names)
        return None

    def _checked(self, cell: Cell, value: str) -> str:
        usual = cell.leaf.usual(value)
        assert usual is not None  # noqa: S101 - such a leaf is no cell
        condition, shown = usual
        self._conditions.append(f"({value} is None or {condition})" if cell.leaf.nullable else condition)
        return f"None if {value} is None else {shown}" if cell.leaf.nullable and shown != value else shown


def _attempt(statements: list[str]) -> str:
    body = "\n".join(statements)
    return f"try:\n{indent(body, '    ')}\nexcept Exception:\n    return None"


class Beside:
    """A field of objects in a sequence whose values lie beside it: rows by their ids, of which each object has one.

    Many objects show the same few, so each of these is made once, for all sequences beside which it lies.
    """

    def __init__(self, key: str, column: str, table: Table) -> None:
        self._key = key
        self._column = column
        self._table = table

    def put(self, value: Any, dicts: list[dict[str, Any]]) -> bool:
        """Put what is selected of the field into the dictionaries of a sequence, if nothing is unusual about it."""
        beside = value.beside
        if beside is None:
            return False
        try:
            found = beside.completed.get(self)
            if found is None:
                made = self._table.read(list(beside.rows.values()))
                found = beside.completed[self] = dict(zip(beside.rows, made or (), strict=False))
            shown = [found[getattr(row, self._column)] for row in value.rows]
        except Exception:
            return False
        for one, content in zip(dicts, shown, strict=True):
            one[self._key] = content
        return True
