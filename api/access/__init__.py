"""Who is calling, and what may they: keys, tokens, scopes, callers."""

from api.access.authentication import Authenticator
from api.access.client_credentials import AccessToken, OAuthError, exchange
from api.access.keys import (
    NOBODY,
    Caller,
    ScopeNotAllowed,
    Unauthenticated,
    issue_key,
    rotate_keys,
)
from api.access.scopes import Scope, scopes_of_kinds
from api.access.user_tokens import UserToken, create_user_token

__all__ = [
    "NOBODY",
    "AccessToken",
    "Authenticator",
    "Caller",
    "OAuthError",
    "Scope",
    "ScopeNotAllowed",
    "Unauthenticated",
    "UserToken",
    "create_user_token",
    "exchange",
    "issue_key",
    "rotate_keys",
    "scopes_of_kinds",
]
