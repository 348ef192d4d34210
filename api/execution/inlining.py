"""How the usual case of each kind of type is written as Python, in the text that the compiler makes.

Each writes the statements that put a value into its `target`; a value that is not the usual case is handed to
`otherwise`, an expression that may be anything. `position` is the expression or the variable of the value's position.
"""

from collections.abc import Mapping
from textwrap import indent
from typing import Any, NamedTuple

from graphql import GraphQLError
from typing_extensions import override

# What is selected of an object that executions share is completed once, unless something is awaited for it or wrong.
RECALL = """\
c = s.completed
if c is not None:
    d = c.get({0})
    if d is not None:
        return d
    n = x.notes"""
REMEMBER = """\
if c is not None and x.notes == n:
    c[{0}] = d"""

# What is read of one object's row; where something is unusual, the object is completed as any other.
READ_ROW = """\
try:
    d = {0}(s.{1})
except Exception:
    d = None
if d is None:
    return {2}(x, s, p)"""


#: The condition on a value `{0}` for that it is a text.
OWN_TEXT = "type({0}) is str"


class Inline:
    """A kind of type without a usual case: its values are completed by a call."""

    needs_position = True
    nullable = True
    #: As what its values can be written by somebody else (`written.py`), if they can.
    written_as: str | None = None

    def write(self, value: str, target: str, position: str, otherwise: str, depth: int = 0) -> str:
        """Return the statements for a value; `depth` is of lists in lists."""
        return f"{target} = {otherwise}"

    def usual(self, value: str) -> tuple[str, str] | None:
        """Return the condition under which a value that is not null is usual, and the expression of it in the answer.

        None, if that is not known to be so simple.
        """
        return None

    def name_of(self, member: Any) -> Any:
        """Return the name of a member of an enum.

        Raises: TypeError, if it is of none.
        """
        raise TypeError(f"{member!r} has no name")

    def _branches(self, value: str, target: str, usual: tuple[str, str], otherwise: str) -> str:
        condition, statements = usual
        nothing = f"if {value} is None:\n    {target} = None\nel" if self.nullable else ""
        return f"{nothing}if {condition}:\n{indent(statements, '    ')}\nelse:\n    {target} = {otherwise}"


class OwnScalar(Inline):
    """One of GraphQL's own scalars, whose usual values are their own serialization."""

    needs_position = False

    def __init__(self, condition: str, written_as: str | None = None) -> None:
        """Take a condition on the value `{0}`."""
        self._condition = condition
        self.written_as = written_as

    @override
    def write(self, value: str, target: str, position: str, otherwise: str, depth: int = 0) -> str:
        condition = self._condition.format(value)
        if self.nullable:
            condition = f"{value} is None or {condition}"
        return f"if {condition}:\n    {target} = {value}\nelse:\n    {target} = {otherwise}"

    @override
    def usual(self, value: str) -> tuple[str, str] | None:
        return self._condition.format(value), value


class Leaf(Inline):
    """A scalar with a function of its own, which may find that there is no value."""

    needs_position = False

    def __init__(self, classes: str, coerce: str, nothing: str, own: str | None = None) -> None:
        """Take names; `own` is a condition on the value `{0}` for that it is its own serialization."""
        self._own = own
        self._classes = classes
        self._coerce = coerce
        self._nothing = nothing
        self.written_as = "text" if own == OWN_TEXT else None

    @override
    def write(self, value: str, target: str, position: str, otherwise: str, depth: int = 0) -> str:
        w = f"w{depth}"
        usual = f"{w} = {self._coerce}({value})\n"
        usual += f"{target} = {w} if {w} is not None and {w} is not Undefined else {self._nothing}({value}, {w})"
        own = f"if {self._own.format(value)}:\n    {target} = {value}\nel" if self._own else ""
        return own + self._branches(value, target, (f"type({value}) in {self._classes}", usual), otherwise)

    @override
    def usual(self, value: str) -> tuple[str, str] | None:
        # What is not its own serialization has to be serialized, and looked at after that.
        return (self._own.format(value), value) if self._own else None


class Member(Inline):
    """A member of an enum, whose name is in a dictionary."""

    needs_position = False
    written_as = "name"

    def __init__(self, classes: str, names: str, known: Mapping[Any, Any]) -> None:
        """Take names, and the dictionary itself."""
        self._classes = classes
        self._names = names
        self._known = known

    @override
    def write(self, value: str, target: str, position: str, otherwise: str, depth: int = 0) -> str:
        condition, shown = self.usual(value)
        return self._branches(value, target, (condition, f"{target} = {shown}"), otherwise)

    @override
    def usual(self, value: str) -> tuple[str, str]:
        return f"type({value}) in {self._classes}", f"{self._names}[{value}]"

    @override
    def name_of(self, member: Any) -> Any:
        try:
            return self._known[member]
        except GraphQLError as error:
            raise TypeError(error.message) from error


class Rows(NamedTuple):
    """The names of what completes a sequence of objects by the rows that they hold."""

    #: Tells whether a value is such a sequence.
    takes: str
    #: Makes the dictionaries of what is read of the rows, or None.
    read: str
    #: Puts into such a dictionary what is not only read, if something is.
    rest: str | None
    #: Does that for all of them at once, unless something is unusual, if it can be.
    beside: str | None = None
    #: Puts such a sequence together that came written, if it can.
    written: str | None = None
    form: Any = None


class Object(Inline):
    """An object, whose selection has a function."""

    def __init__(self, classes: str, select: str, rows: Rows | None) -> None:
        """Take names, and those for a sequence of such objects."""
        self._classes = classes
        self._select = select
        self.rows = rows

    @override
    def write(self, value: str, target: str, position: str, otherwise: str, depth: int = 0) -> str:
        usual = (f"type({value}) in {self._classes}", f"{target} = {self._select}(x, {value}, {position})")
        return self._branches(value, target, usual, otherwise)


class List(Inline):
    """A list, whose items have a spot of their own."""

    def __init__(self, spot: str, items: Inline) -> None:
        self._spot = spot
        self._items = items
        #: By what the list can be written, if its items are objects that hold rows.
        self.form: Any = items.rows.form if isinstance(items, Object) and items.rows is not None else None

    @override
    def write(self, value: str, target: str, position: str, otherwise: str, depth: int = 0) -> str:
        o, i, u, r = (f"{letter}{depth}" for letter in "oiur")
        place = f"({position}, {i}, None, {o}, {self._items.nullable})"
        known = r if self._items.needs_position else place
        item = self._items.write(u, f"{o}[{i}]", known, f"x.place({self._spot}, {u}, {known})", depth + 1)
        if self._items.needs_position:
            item = f"{r} = {place}\n{item}"
        loop = f"{o} = {target} = [None] * len({value})\n{self._loop(value, item, known, depth)}"
        nothing = f"if {value} is None:\n    {target} = None\nel" if self.nullable else ""
        condition = f"type({value}) is list or type({value}) is tuple"
        rows = self._rows(value, target, position, otherwise, depth)
        return f"{nothing}if {condition}:\n{indent(loop, '    ')}\n{rows}else:\n    {target} = {otherwise}"

    def _loop(self, value: str, item: str, known: str, depth: int) -> str:
        """Write the loop over items, and what is done where one fails."""
        o, i, u = (f"{letter}{depth}" for letter in "oiu")
        if self._items.nullable:
            item = (
                f"try:\n{indent(item, '    ')}\nexcept Exception as e:\n    {o}[{i}] = x.fail(e, {self._spot}, {known})"
            )
        loop = f"for {i}, {u} in enumerate({value}):\n{indent(item, '    ')}"
        if not self._items.nullable:  # one failure is the whole list's, whose other items may be waiting to be awaited
            located = f"settle({value}[{i} + 1:])\nx.fail(e, {self._spot}, {known})"
            loop = f"try:\n{indent(loop, '    ')}\nexcept Exception as e:\n{indent(located, '    ')}"
        return loop

    def _rows(self, value: str, target: str, position: str, otherwise: str, depth: int) -> str:
        """Write the branch for a sequence of objects that offers their rows."""
        names = self._items.rows if isinstance(self._items, Object) else None
        if names is None:
            return ""
        o, i, u, r = (f"{letter}{depth}" for letter in "oiur")
        statements = f"{o} = {target} = {names.read}({value}.rows)\nif {o} is None:\n    {target} = {otherwise}"
        if names.rest is not None:
            item = f"{r} = ({position}, {i}, None, {o}, {self._items.nullable})\n{names.rest}(x, {u}, {r}, {o}[{i}])"
            otherwise = f"elif not {names.beside}({value}, {o})" if names.beside is not None else "else"
            statements += f"\n{otherwise}:\n{indent(self._loop(value, item, r, depth), '    ')}"
        if names.written is not None:
            statements = f"{o} = {target} = {names.written}({value})\nif {o} is None:\n{indent(statements, '    ')}"
        return f"elif {names.takes}({value}):\n{indent(statements, '    ')}\n"
