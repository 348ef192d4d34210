"""Who is calling, and what may they: keys, scopes, callers."""

from api.access.keys import (
    NOBODY,
    Caller,
    ScopeNotAllowed,
    Unauthenticated,
    authenticate,
    issue_key,
    rotate_keys,
)
from api.access.scopes import Scope, scopes_of_kinds

__all__ = [
    "NOBODY",
    "Caller",
    "Scope",
    "ScopeNotAllowed",
    "Unauthenticated",
    "authenticate",
    "issue_key",
    "rotate_keys",
    "scopes_of_kinds",
]
