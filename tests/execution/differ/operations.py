"""Operations for any schema: aliases, fragments, merged fields, conditions, variables wherever one may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLBoolean,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    get_named_type,
    is_composite_type,
    parse,
    validate,
)

from tests.execution.differ.literals import Inputs

DEPTH_MAX = 6
FIELDS_MAX = 60


@dataclass(frozen=True)
class Generated:
    """A valid document, with the name of its operation and values for the variables."""

    text: str
    ast: DocumentNode
    name: str
    variables: Mapping[str, Any]


@dataclass
class _Variable:
    kind: str
    type: GraphQLInputType
    default: str | None = None


@dataclass
class Writer:
    """Writes one document."""

    random: Random
    schema: GraphQLSchema
    inputs: Inputs
    wrong: int = 0
    _variables: dict[str, _Variable] = field(default_factory=dict)
    _conditions: list[str] = field(default_factory=list)
    # A field with its arguments and its type has the same key everywhere: then all of them can be merged.
    _keys: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    _fragments: dict[str, tuple[GraphQLNamedType, str]] = field(default_factory=dict)
    _fields: int = 0

    def write(self) -> Generated | None:
        """Return a document, or None when it came out invalid."""
        random, schema = self.random, self.schema
        kind = random.choice([one for one in (*OperationType, OperationType.QUERY) if schema.get_root_type(one)])
        root = schema.get_root_type(kind)
        assert root is not None
        if kind is OperationType.SUBSCRIPTION:
            selections = f"{{ {self._field(root, 0, conditions=False)} }}"
        else:
            selections = self._selections(root, 0)
        definitions = [f"{kind.value} Main{self._definitions()} {selections}"]
        definitions += [f"fragment {name} on {on} {text}" for name, (on, text) in self._fragments.items()]
        if random.randrange(3) == 0:
            definitions.append("query Other { __typename }")
        random.shuffle(definitions)
        text = "\n".join(definitions)
        ast = parse(text)
        if validate(schema, ast):
            return None
        return Generated(text, ast, "Main", self._values())

    def _definitions(self) -> str:
        written = [
            f"${name}: {one.kind}" + (f" = {one.default}" if one.default else "")
            for name, one in self._variables.items()
        ]
        return f"({', '.join(written)})" if written else ""

    def _values(self) -> dict[str, Any]:
        """Return values for the variables: present, null, absent or wrong."""
        values = {"unknown": 1} if self.random.randrange(8) == 0 else {}
        for name, one in self._variables.items():
            optional = one.default is not None or not one.kind.endswith("!")
            if optional and self.random.randrange(3) == 0:
                continue
            if self.wrong and self.random.randrange(self.wrong * 2) == 0:
                continue
            values[name] = self.inputs.value(one.type, wrong=self.wrong)
        return values

    def _selections(self, on: GraphQLNamedType, depth: int) -> str:
        random = self.random
        written = [self._selection(on, depth) for _ in range(random.choice((2, 2, 3, 4, 6)))]
        return "{ " + " ".join(written) + " }"

    def _selection(self, on: GraphQLNamedType, depth: int) -> str:
        choice = self.random.randrange(12)
        if choice >= 7 and depth < DEPTH_MAX and self._fields < FIELDS_MAX:
            inner = self.random.choice(self._overlapping(on))
            if choice == 7:
                return f"...{self._directives()} {self._selections(on, depth + 1)}"
            if choice <= 9:
                return f"... on {inner}{self._directives()} {self._selections(inner, depth + 1)}"
            if choice == 10 or not self._fragments:
                name = f"F{len(self._fragments)}"
                text = self._selections(inner, depth + 1)
                if name not in self._fragments:  # one inside may have taken it
                    self._fragments[name] = (inner, text)
                    return f"...{name}{self._directives()}"
                return f"... on {inner} {text}"
            name, (kind, _) = self.random.choice(list(self._fragments.items()))
            if kind in self._overlapping(on):
                return f"...{name}{self._directives()}"
        return self._field(on, depth)

    def _overlapping(self, on: GraphQLNamedType) -> list[GraphQLNamedType]:
        """Return the types that an object of a type may also be of."""
        possible = self._possible(on)
        kinds = self.schema.type_map.values()
        return [kind for kind in kinds if is_composite_type(kind) and possible & self._possible(kind)]

    def _possible(self, kind: Any) -> set[str]:
        if hasattr(kind, "interfaces") and not hasattr(kind, "resolve_type"):
            return {kind.name}
        return {one.name for one in self.schema.get_possible_types(kind)}

    def _field(self, on: Any, depth: int, *, conditions: bool = True) -> str:
        self._fields += 1
        names = [] if isinstance(on, GraphQLUnionType) else list(on.fields)
        full = depth >= DEPTH_MAX or self._fields >= FIELDS_MAX
        if full:
            names = [name for name in names if not is_composite_type(get_named_type(on.fields[name].type))]
        if not names or (conditions and self.random.randrange(12) == 0):
            key = self._key("__typename", "", "String!")
            return f"{key}{self._directives() if conditions else ''}"
        name = self.random.choice(names)
        definition = on.fields[name]
        arguments = self._arguments(definition.args)
        written = self._key(name, arguments, str(definition.type)) + arguments
        if conditions:
            written += self._directives()
        named = get_named_type(definition.type)
        return f"{written} {self._selections(named, depth + 1)}" if is_composite_type(named) else written

    def _key(self, name: str, arguments: str, kind: str) -> str:
        """Return a field's name, with an alias if there is one: the same for the same field, or it cannot be merged."""
        known = self._keys.setdefault((name, arguments, kind), [])
        if not known or self.random.randrange(4) == 0:
            taken = {key for keys in self._keys.values() for key in keys}
            known.append(name if name not in taken else f"{self.random.choice('abxesdqvr')}{len(taken)}")
        key = self.random.choice(known)
        return key if key == name else f"{key}: {name}"

    def _arguments(self, arguments: Mapping[str, Any]) -> str:
        written = []
        for name, argument in arguments.items():
            required = isinstance(argument.type, GraphQLNonNull) and argument.default is None
            if required or self.random.randrange(2):
                variable = self._variable(argument.type, has_default=argument.default is not None)
                written.append(f"{name}: {variable or self.inputs.literal(argument.type, self._variable)}")
        self.random.shuffle(written)
        return f"({', '.join(written)})" if written else ""

    def _variable(self, kind: GraphQLInputType, has_default: bool = False) -> str | None:
        """Return a variable for a place of a type, of those that there are or a new one."""
        random = self.random
        if random.randrange(3):
            return None
        known = [name for name, one in self._variables.items() if one.kind in {str(kind), f"{kind}!"}]
        if known and random.randrange(2):
            return f"${random.choice(known)}"
        type_name, default = str(kind), None
        if isinstance(kind, GraphQLNonNull) and has_default and random.randrange(2):
            type_name = str(kind.of_type)
        elif isinstance(kind, GraphQLNonNull) and random.randrange(4) == 0:
            type_name, default = str(kind.of_type), self.inputs.literal(kind, _no_variable)
        elif not isinstance(kind, GraphQLNonNull) and random.randrange(4) == 0:
            type_name = f"{kind}!"
        elif not isinstance(kind, GraphQLNonNull) and random.randrange(2):
            default = self.inputs.literal(kind, _no_variable)
        return self._declare(type_name, kind, default)

    def _declare(self, type_name: str, kind: GraphQLInputType, default: str | None) -> str:
        name = self.random.choice(("v", "self", "x", "class", "d")) + str(len(self._variables))
        self._variables[name] = _Variable(type_name, kind, default)
        return f"${name}"

    def _directives(self) -> str:
        random = self.random
        written = []
        if random.randrange(8) == 0:
            written.append(f" @skip(if: {self._condition()})")
        if random.randrange(8) == 0:
            written.append(f" @include(if: {self._condition()})")
        directive = self.schema.get_directive("tag")
        if directive is not None and random.randrange(12) == 0:
            written.append(f" @tag{self._arguments(directive.args)}")
        random.shuffle(written)
        return "".join(written)

    def _condition(self) -> str:
        random = self.random
        choice = random.randrange(6)
        if choice <= 1:
            return "true" if choice else "false"
        if not self._conditions or (len(self._conditions) < 3 and random.randrange(2)):
            type_name, default = random.choice((("Boolean!", None), ("Boolean", "true"), ("Boolean!", "false")))
            self._conditions.append(self._declare(type_name, GraphQLNonNull(GraphQLBoolean), default))
            return self._conditions[-1]
        return random.choice(self._conditions)


def _no_variable(*_: object) -> None:
    return None


def written(
    random: Random, schema: GraphQLSchema, scalars: Mapping[str, Sequence[Any]], *, wrong: int = 0
) -> Generated:
    """Return a valid document; the operation's variables are wrong once in so many times."""
    while True:
        generated = Writer(random, schema, Inputs(random, scalars), wrong).write()
        if generated is not None:
            return generated
