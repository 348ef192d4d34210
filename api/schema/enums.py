"""Enums of the schema: those of the rows, with a description for each value."""

from collections.abc import Mapping
from enum import Enum, StrEnum

import strawberry

from api import models


def describe(enum: type[Enum], description: str, values: Mapping[str, str]) -> None:
    """Make an enum of the rows an enum of the schema. Every member needs its sentence."""
    strawberry.enum(enum, description=description)
    definition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]


describe(
    models.Environment,
    "The world that something belongs to. The two never meet.",
    {"LIVE": "Real actions, real donations.", "SANDBOX": "A partner's tests; nothing here counts."},
)
describe(
    models.PartnerKind,
    "A part that an organisation plays. It may play several.",
    {
        "ACTION_SOURCE": "Records green actions and donations of its users.",
        "NGO": "Carries projects and follows the donations to them.",
        "SPONSOR": "Pays for projects when energy is donated.",
        "OPERATOR": "Runs the service and sees what all partners see.",
    },
)
describe(
    models.ActionCategory,
    "What sort of green action it is.",
    {
        "TRAVEL": "Getting about with less carbon.",
        "CONSUMPTION": "Buying or using with less carbon.",
        "RECYCLING": "Giving things a second life.",
        "EDUCATION": "Learning about nature.",
    },
)
describe(
    models.ScenarioChannel,
    "Where a green-life scenario takes place.",
    {"ONLINE": "In an app.", "OFFLINE": "Out in the world."},
)
describe(
    models.QuantityUnit,
    "In what a quantity is counted, always whole.",
    {"METRE": "Metres.", "COUNT": "Pieces or times."},
)
describe(
    models.ActionStatus,
    "What became of a recorded action.",
    {
        "CREDITED": "Credited in full.",
        "CAPPED": "Credited with what was left of a daily cap, which may be nothing.",
        "REVERSED": "Declared void; its grams were taken back as far as they were unspent.",
    },
)
describe(
    models.BaselineKind,
    "What an action's emissions are compared with.",
    {
        "MODAL_AVERAGE": "The average of all ways to travel in the city.",
        "SUBSTITUTION": "The way of travelling that the action replaces.",
    },
)
describe(
    models.ProjectCategory,
    "What a project is for.",
    {
        "ECOLOGICAL_RESTORATION": "Bringing land back to life.",
        "WATER": "Protecting water sources.",
        "BIODIVERSITY": "Protecting rare animals and plants.",
        "EDUCATION": "Bringing people closer to nature.",
        "LOW_CARBON": "Emitting less.",
    },
)
describe(
    models.ProjectStatus,
    "Stage of a project, in the words of IATI. Only in IMPLEMENTATION does it take donations.",
    {
        "PIPELINE": "Planned.",
        "IMPLEMENTATION": "Under way, open for donations.",
        "FINALISATION": "Work is done, accounts are being closed.",
        "CLOSED": "Finished.",
        "CANCELLED": "Given up.",
        "SUSPENDED": "Halted for the time being.",
    },
)
describe(
    models.OrganisationRole,
    "Part of an organisation in a project, in the words of IATI.",
    {
        "FUNDING": "Gives the money.",
        "ACCOUNTABLE": "Oversees the project and answers for what comes of it.",
        "EXTENDING": "Manages budget and direction on behalf of those who fund it.",
        "IMPLEMENTING": "Carries out the work.",
    },
)
describe(
    models.EventKind,
    "What happened to a project.",
    {"DONATION": "Energy was donated.", "DONATION_REVERSED": "A donation was taken back in its window."},
)
describe(
    models.AuditKind,
    "What was changed in who may do what.",
    {
        "PARTNER_ADDED": "A partner was taken in.",
        "PARTNER_SUSPENDED": "A partner was suspended; its keys open nothing.",
        "PARTNER_RESUMED": "A suspended partner was let back in.",
        "KEY_ISSUED": "A key was made.",
        "KEY_RETIRED": "A key was given an end, because a new one takes its place.",
        "KEY_REVOKED": "A key was ended at once.",
        "PROJECT_ADDED": "A project was entered.",
        "PROJECT_UPDATED": "Something else is said of a project.",
        "PROJECT_PARTNERS_CHANGED": "Others take part in a project, and see the donations to it.",
        "PROJECT_STATUS_CHANGED": "A project reached another stage.",
        "SANDBOX_CLOCK_ADVANCED": "A partner advanced the clock of its sandbox.",
    },
)
describe(
    models.TransferKind,
    "Which way energy moved, and why.",
    {
        "EARN": "Credited for an action.",
        "DONATE": "Given to a project.",
        "REVERSE_EARN": "Taken back because the action was reversed.",
        "REVERSE_DONATE": "Given back because the donation was reversed.",
        "RECLAIM": "Taken back when it returned from a donation: its action had been reversed meanwhile.",
    },
)


class DonationStatus(StrEnum):
    """Whether a donation stands."""

    DONATED = "DONATED"
    REVERSED = "REVERSED"


class AmountKeyword(StrEnum):
    """An amount that is not a number."""

    ALL = "ALL"


class ListOrder(StrEnum):
    """In which order a list comes."""

    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


class StartPosition(StrEnum):
    """Where a subscription without a cursor begins."""

    BEGINNING = "BEGINNING"
    LATEST = "LATEST"


describe(
    DonationStatus,
    "Whether a donation stands.",
    {"DONATED": "It stands.", "REVERSED": "It was taken back."},
)
describe(AmountKeyword, "An amount that is not a number.", {"ALL": "All the energy that the user has."})
describe(ListOrder, "In which order a list comes.", {"NEWEST": "Newest first.", "OLDEST": "Oldest first."})
describe(
    StartPosition,
    "Where a subscription without a cursor begins.",
    {
        "BEGINNING": "With the first event ever, so that nothing is missed.",
        "LATEST": "With the next event from now on.",
    },
)
