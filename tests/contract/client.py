"""A partner's program in Python, with a client that ariadne-codegen makes of schema.graphql.

client.py ADDRESS KEY START END. Runs in an environment of its own: the generator needs another graphql-core than we do.
"""

import asyncio
import json
import sys

from lucid_client import (
    AmountInput,
    AmountKeyword,
    Client,
    DonateEnergyDonateEnergyErrorsInsufficientEnergy,
    DonateEnergyInput,
    LegInput,
    RecordActionInput,
    UserBy,
)


async def main(address: str, key: str, started_at: str, ended_at: str) -> None:
    user = UserBy(externalRef="typed-py")
    leg = LegInput(type="BUS", quantity=8_000, startedAt=started_at, endedAt=ended_at)
    async with Client(url=address, headers={"Authorization": f"Bearer {key}"}) as lucid:
        project = (await lucid.find_project("longwu")).project
        assert project is not None
        trip = RecordActionInput(idempotencyKey="py-trip", user=user, legs=[leg])
        recorded = (await lucid.record_action(trip)).record_action
        assert recorded.action is not None
        too_much = DonateEnergyInput(
            idempotencyKey="py-too-much", user=user, projectId=project.id, amount=AmountInput(grams=10_000)
        )
        (refusal,) = (await lucid.donate_energy(too_much)).donate_energy.errors
        assert isinstance(refusal, DonateEnergyDonateEnergyErrorsInsufficientEnergy)
        everything = DonateEnergyInput(
            idempotencyKey="py-gift", user=user, projectId=project.id, amount=AmountInput(all=AmountKeyword.ALL)
        )
        donated = (await lucid.donate_energy(everything)).donate_energy
        assert donated.donation is not None
        assert donated.balance is not None
    answer = {
        "credited": recorded.action.credited,
        "available": refusal.available,
        "donated": donated.donation.amount,
        "left": donated.balance.available,
    }
    sys.stdout.write(json.dumps(answer))


asyncio.run(main(*sys.argv[1:]))
