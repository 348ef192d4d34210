"""What is decided about no user, and yet once for its key: the write path of projects, which move no energy.

One at a time in a process, each in a transaction of its own: there are a few in a day. An answer leaves a receipt as
everywhere (docs/decisions/0003), with nobody in the place of the user.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar
from uuid import UUID

import orjson
from tortoise.exceptions import IntegrityError

from api.batching import Batcher
from api.ledger.errors import REFUSALS, IdempotencyConflict, Refusal
from api.ledger.orders import Outcome
from api.models import NOBODY, Receipt, new_id
from api.models.database import transaction


@dataclass(frozen=True, kw_only=True)
class Request(ABC):
    """A call of a partner about no user. `at` is when it arrived."""

    operation: ClassVar[str]

    partner_id: UUID
    key: str
    at: datetime

    @property
    def slot(self) -> tuple[UUID, UUID, str]:
        """Where the receipt of this request lies."""
        return (NOBODY, self.partner_id, self.key)

    @property
    def fingerprint(self) -> str:
        """A digest of what is asked: the same key with another fingerprint is a conflict."""
        return sha256(orjson.dumps([self.operation, self.asked()], option=orjson.OPT_SORT_KEYS)).hexdigest()

    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """Return the input that a repetition has to repeat."""

    @abstractmethod
    async def decide(self) -> UUID:
        """Write what is asked for, in the transaction at hand, and return the id of the result.

        Raises: Refusal, before anything was written.
        """


class OnceWriter:
    """Decides requests, each once."""

    def __init__(self) -> None:
        self._batcher: Batcher[Request, Outcome] = Batcher(self._decide_all, size=1)

    async def post(self, request: Request) -> Outcome:
        """Decide a request and return what became of it. A caller that is cancelled meanwhile does not stop it."""
        return await self._batcher.submit(request)

    async def close(self) -> None:
        """Finish what was submitted."""
        await self._batcher.close()

    async def _decide_all(self, requests: Sequence[Request]) -> list[Outcome | Exception]:
        return [await self._decide(request) for request in requests]

    async def _decide(self, request: Request) -> Outcome:
        try:
            return await _decide_once(request)
        except IntegrityError:  # another process has just decided this key or taken this code; it is there to be read
            return await _decide_once(request)


async def _decide_once(request: Request) -> Outcome:
    async with transaction():
        receipt = (await Receipt.of_keys([request.slot])).get(request.slot)
        if receipt is not None:
            return _replay(request, receipt)
        result_id, refusal = None, None
        try:
            result_id = await request.decide()
        except Refusal as error:
            refusal = error
        await Receipt.create(
            id=new_id(request.at),
            user_id=NOBODY,
            partner_id=request.partner_id,
            key=request.key,
            operation=request.operation,
            fingerprint=request.fingerprint,
            result_id=result_id,
            refusal={"code": refusal.code, "facts": refusal.facts} if refusal else None,
            created_at=request.at,
        )
    return Outcome(result_id=result_id, refusal=refusal, decided_at=request.at)


def _replay(request: Request, receipt: Receipt) -> Outcome:
    if receipt.fingerprint != request.fingerprint:
        return Outcome(refusal=IdempotencyConflict(key=request.key, first_used_at=receipt.created_at))
    refusal = None
    if receipt.refusal:
        refusal = REFUSALS[receipt.refusal["code"]].from_facts(receipt.refusal["facts"])
    return Outcome(result_id=receipt.result_id, refusal=refusal, replayed=True, decided_at=receipt.created_at)
