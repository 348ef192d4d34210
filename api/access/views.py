"""What the answers to a caller may depend on. Callers of whom this is the same are shown the same.

Who stands for them has that and nothing else: what is not compared cannot come into what is shown to several.
"""

from collections.abc import Hashable

from api.access.keys import Caller


def view_key(caller: Caller) -> Hashable:
    """Return what callers have in common who are shown the same."""
    partner = caller.partner
    return (
        # Its kinds are compared too: two rows of one partner, read at different times, need not say the same.
        (partner.id, tuple(sorted(partner.kinds))) if partner is not None else None,
        caller.environment,
        caller.scopes,
        caller.user_id,
        caller.language,
    )


def standing_for(caller: Caller) -> Caller:
    """Return a caller who is shown what this one is, and beyond that is nobody in particular."""
    return Caller(
        partner=caller.partner,
        environment=caller.environment,
        scopes=caller.scopes,
        user_id=caller.user_id,
        language=caller.language,
    )
