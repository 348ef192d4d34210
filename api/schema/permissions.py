"""The one guard: every root field declares who may call it. A field without a declaration does not start."""

from collections.abc import Callable, Iterator
from inspect import isawaitable
from typing import Any

from strawberry import Schema
from strawberry.extensions import FieldExtension
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from typing_extensions import override

from api.access import Scope
from api.schema.catalogue import error
from api.schema.context import Info


class Guard(FieldExtension):
    """Lets a caller with one of the scopes through; everybody when there are none.

    A guarded field below the roots is nullable, so that a refusal costs its caller the field and not the answer.
    """

    #: Says to the executor that `check`, called first, is all that this extension does.
    only_checks = True

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = scopes

    @override
    def apply(self, field: StrawberryField) -> None:
        if self.scopes:
            needs = f" Needs the scope {' or '.join(f'`{scope}`' for scope in self.scopes)}."
            # A field is applied to again by each schema that is made of it.
            field.description = (field.description or "").removesuffix(needs) + needs

    @override
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        self.check(info)
        return next_(source, info, **kwargs)

    @override
    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        self.check(info)
        result = next_(source, info, **kwargs)
        # A subscription's resolver returns its source, which is iterated and not awaited.
        return await result if isawaitable(result) else result

    def check(self, info: Info) -> None:
        """Let the caller through, or raise why not."""
        caller = info.context.caller
        if not self.scopes:
            return
        if caller.partner is None:
            raise error("UNAUTHENTICATED", "Send an API key: Authorization: Bearer lk_…")
        if caller.scopes.isdisjoint(self.scopes):
            needs = [scope.value for scope in self.scopes]
            raise error(
                "FORBIDDEN",
                "Your key lacks the scope {scopes}.",
                scopes=" or ".join(needs),
                extensions={"requiredScopes": needs},
            )


PUBLIC = Guard()


def guarded(*scopes: Scope) -> list[FieldExtension]:
    """Declare that a field needs one of these scopes."""
    return [Guard(*scopes)]


def public() -> list[FieldExtension]:
    """Declare that anybody may call a field, also without a key."""
    return [PUBLIC]


def unguarded_fields(schema: Schema) -> Iterator[str]:
    """Yield every root field that declares no guard."""
    for root in (schema.query, schema.mutation, schema.subscription):
        definition: StrawberryObjectDefinition | None = getattr(root, "__strawberry_definition__", None)
        for field in definition.fields if definition else ():
            if not any(isinstance(extension, Guard) for extension in field.extensions):
                yield f"{definition.name if definition else ''}.{field.python_name}"
