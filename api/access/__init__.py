"""Who is calling, and what may they: keys, tokens, scopes, callers."""

from api.access.authentication import Authenticator
from api.access.client_credentials import AccessToken, OAuthError, exchange
from api.access.deprecated_uses import DeprecatedUses
from api.access.keys import (
    NOBODY,
    Caller,
    ScopeNotAllowed,
    Unauthenticated,
    issue_key,
    revoke_key,
    rotate_keys,
)
from api.access.language import Language, preferred
from api.access.partners import add_partner, set_status
from api.access.rates import Rate, Rates, Standing, payer
from api.access.scopes import Scope, scopes_of_kinds
from api.access.user_tokens import UserToken, create_user_token
from api.access.uses import Uses
from api.access.views import standing_for, view_key

__all__ = [
    "NOBODY",
    "AccessToken",
    "Authenticator",
    "Caller",
    "DeprecatedUses",
    "Language",
    "OAuthError",
    "Rate",
    "Rates",
    "Scope",
    "ScopeNotAllowed",
    "Standing",
    "Unauthenticated",
    "UserToken",
    "Uses",
    "add_partner",
    "create_user_token",
    "exchange",
    "issue_key",
    "payer",
    "preferred",
    "revoke_key",
    "rotate_keys",
    "scopes_of_kinds",
    "set_status",
    "standing_for",
    "view_key",
]
