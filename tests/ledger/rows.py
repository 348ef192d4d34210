"""What is in the ledger's tables, to be compared before and after."""

from typing import Any

from api.models import Account, Action, Gap, LinkCode, Outbox, Receipt, Transfer, User, UserLink

Rows = dict[str, list[dict[str, Any]]]

ACCOUNT = ("user_id", "environment", "credited", "debited", "held")


async def all_rows() -> Rows:
    """Return every row that a call could change, but for what remembers refusals: receipts, and accounts' versions."""
    return {
        "account": await Account.all().order_by("user_id").values(*ACCOUNT),
        "action": await Action.all().order_by("id").values(),
        "transfer": await Transfer.all().order_by("id").values(),
        "gap": await Gap.all().order_by("id").values(),
        "outbox": await Outbox.all().order_by("transfer_id").values(),
        "user": await User.all().order_by("id").values(),
        "user_link": await UserLink.all().order_by("id").values(),
        "link_code": await LinkCode.all().order_by("id").values(),
    }


async def receipts() -> int:
    """Return how many answers are remembered."""
    return await Receipt.all().count()
