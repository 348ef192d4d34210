"""Who pays for an operation, and what is said of it: the budget is asked before anything is done.

The engine knows what an operation costs, the application knows how much each caller may spend: `Budgets` is all that
the two say to each other. An operation is charged with what it may come to, and refunded down to what it came to.

- What ends without an answer, by the deadline or because the client went away, is charged in full: nobody can tell how
  far it came.
- A request that is refused before execution, because its document or its variables are wrong, costs a little: reading
  it was work. Whoever has spent more than there was is refused before its document is even read.
- A subscription is charged when it begins. Its events are free: their pace is ours, and a stream that broke off for
  want of budget would leave gaps.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from graphql import GraphQLSchema, OperationDefinitionNode

from api.execution.cost import Price, Pricing, Variables
from api.execution.documents import Document
from api.execution.errors import Code, Refused
from api.execution.results import Result

#: What a request costs that is refused before it is executed.
REFUSED_COST = 5

COST_MAX = 20_000

Caller = TypeVar("Caller")
Payer = TypeVar("Payer", contravariant=True)


class Standing(Protocol):
    """How much a caller may spend now."""

    @property
    def capacity(self) -> int:
        """The most that it ever may."""

    @property
    def remaining(self) -> int:
        """What is left."""

    @property
    def reset_s(self) -> int:
        """When all of it is there again, if nothing is spent until then. In seconds since 1970."""

    def wait_s(self, cost: int) -> int:
        """Return the seconds until a charge would not be refused."""


class Budgets(Protocol[Payer]):
    """How much each caller may spend. No method waits for anything."""

    def charge(self, caller: Payer, cost: int) -> Standing | None:
        """Spend; or refuse, spend nothing, and tell how much there is."""

    def settle(self, caller: Payer, cost: int) -> Standing:
        """Spend what was not charged, and give back what was charged too much: then it is negative. Never refuses."""

    def standing(self, caller: Payer) -> Standing:
        """Return how much there is."""


# Made for each request, and so not frozen: that would take three times as long.
@dataclass(slots=True)
class Charge:
    """What an operation was charged with."""

    price: Price
    requested: int


class Meter(Generic[Caller]):
    """Charges the operations of one schema, whose text publishes what they cost."""

    def __init__(self, schema: GraphQLSchema, text: str, budgets: Budgets[Caller], *, cost_max: int = COST_MAX) -> None:
        self._pricing = Pricing(schema, text)
        self._budgets = budgets
        self._cost_max = cost_max

    def require_budget(self, caller: Caller) -> None:
        """Let nobody in who has spent more than there was.

        Raises: Refused.
        """
        if (standing := self._budgets.charge(caller, 0)) is not None:
            raise _spent(standing, 0)

    def refuse(self, caller: Caller) -> None:
        """Charge for a request that is refused before it is executed."""
        self._budgets.settle(caller, REFUSED_COST)

    def charge(
        self, caller: Caller, document: Document, node: OperationDefinitionNode, variables: Variables
    ) -> Charge | Refused:
        """Charge a caller for an operation of a valid document; or say that it is more than may be spent at once.

        Raises: Refused, when it is more than the caller may spend now.
        """
        price = self._price(document, node)
        requested = price.requested(variables)
        if requested > self._cost_max:
            return self._too_dear(caller, requested, self._cost_max)
        standing = self._budgets.charge(caller, requested)
        if standing is None:
            return Charge(price, requested)
        if requested > standing.capacity:
            return self._too_dear(caller, requested, standing.capacity)
        raise _spent(standing, requested)

    def settle(self, caller: Caller, charge: Charge, variables: Variables, result: Result) -> Result:
        """Refund what an operation did not come to, and tell its cost in its answer."""
        if not result.executed:
            if result.status == 400:  # its variables were wrong
                self._budgets.settle(caller, REFUSED_COST - charge.requested)
            return result
        actual = charge.requested
        if isinstance(result.data, dict):
            actual = charge.price.actual(result.data, variables)
        standing = self._budgets.settle(caller, actual - charge.requested)
        return _tell(result, {"requested": charge.requested, "actual": actual, **_shown(standing)})

    def quote(self, caller: Caller, document: Document, node: OperationDefinitionNode, variables: Variables) -> Result:
        """Tell what an operation would cost, without executing it; nothing is charged."""
        requested = self._price(document, node).requested(variables)
        cost = {"requested": requested, "maximum": self._cost_max, **_shown(self._budgets.standing(caller))}
        return _tell(Result(data=None), cost)

    def _too_dear(self, caller: Caller, requested: int, maximum: int) -> Refused:
        self.refuse(caller)
        message = f"The operation exceeds a limit: cost {requested:,}, at most {maximum:,}."
        return Refused(Code.LIMIT_EXCEEDED, message, extensions={"cost": {"requested": requested, "maximum": maximum}})

    def _price(self, document: Document, node: OperationDefinitionNode) -> Price:
        name = node.name.value if node.name else None
        price = document.prices.get(name)
        if price is None:
            assert document.ast is not None  # noqa: S101 - it is valid
            price = document.prices[name] = self._pricing.price(document.ast, node)
        return price


def _spent(standing: Standing, cost: int) -> Refused:
    wait_s = standing.wait_s(cost)
    message = f"Your budget is spent: cost {cost:,}, remaining {standing.remaining:,}. Try again in {wait_s} s."
    extensions = {"retryAfterS": wait_s, "cost": {"requested": cost, **_shown(standing)}}
    return Refused(Code.RATE_LIMITED, message, 429, headers={"retry-after": str(wait_s)}, extensions=extensions)


def _shown(standing: Standing) -> dict[str, Any]:
    return {"remaining": standing.remaining, "resetAt": _written(standing.reset_s)}


@lru_cache(1_000)
def _written(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat().replace("+00:00", "Z")


def _tell(result: Result, cost: dict[str, Any]) -> Result:
    if result.encoded is None and result.extensions is None:  # made for this answer alone
        result.extensions = {"cost": cost}
        return result
    extensions = {**result.extensions, "cost": cost} if result.extensions else {"cost": cost}
    return result.extended(extensions)
