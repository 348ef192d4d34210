"""The authorization matrix: what each kind of caller gets from each root field and each field with private data.

A row has a cell for each of CALLERS; who comes with what has ended gets UNAUTHENTICATED from everything. What is asked
about is a user of the app's, with a reversed action and a reversed donation to a project of the NGO.
"""

from dataclasses import dataclass

#: `token` is the app's token for the user that is asked about, `narrow` one of the scope actions:read alone, and
#: `other_token` has all scopes for another user of the app.
CALLERS = (
    "nobody", "app", "other_app", "token", "narrow", "other_token", "ngo", "other_ngo", "operator", "sandbox",
)  # fmt: skip
#: Credentials that open nothing, or nothing any more. The partner was suspended, or key or token were made by the app.
ENDED = ("wrong", "revoked", "expired", "suspended", "revoked_token", "expired_token")

WORDS = {"yes": "yes", "none": "none", "WHO": "UNAUTHENTICATED", "NO": "FORBIDDEN"}
DENIED = {WORDS["WHO"], WORDS["NO"]}


def row(cells: str) -> dict[str, str]:
    """Read a row: what is no word of ours is the type of a refusal.

    Raises: ValueError for a cell too few or too many.
    """
    return {one: WORDS.get(cell, cell) for one, cell in zip(CALLERS, cells.split(), strict=True)}


@dataclass(frozen=True)
class Way:
    """A way to objects of one type, with what each caller gets from their fields."""

    #: A document with `%s` where the fields stand, and the path of the objects in its answer.
    document: str
    path: tuple[str, ...]
    #: Cells, and the fields that they hold for.
    fields: dict[str, str]


#                nobody app  other token narrow  other ngo  other operator sandbox
#                            app                 token      ngo
ALL =           "yes    yes  yes   yes   yes     yes   yes  yes   yes      yes"  # fmt: skip
USER =          "WHO    yes  none  yes   NO      none  NO   NO    yes      none"  # fmt: skip
USERS =         "WHO    yes  yes   yes   NO      yes   NO   NO    yes      yes"  # fmt: skip
ACTION =        "WHO    yes  none  yes   yes     none  NO   NO    yes      none"  # fmt: skip
ACTIONS =       "WHO    yes  yes   yes   yes     yes   NO   NO    yes      yes"  # fmt: skip
DONATION =      "WHO    yes  none  yes   NO      none  yes  none  yes      none"  # fmt: skip
DONATIONS =     "WHO    yes  yes   yes   NO      yes   yes  yes   yes      yes"  # fmt: skip
OWN_DONATION =  "WHO    yes  none  yes   NO      none  none none  yes      none"  # fmt: skip
OPERATORS =     "WHO    NO   NO    NO    NO      NO    NO   NO    yes      NO"  # fmt: skip
WITH_KEY =      "none   yes  yes   yes   yes     yes   yes  yes   yes      yes"  # fmt: skip
KEYS =          "none   yes  yes   none  none    none  yes  yes   yes      yes"  # fmt: skip

#: Each root field of the query, and each argument that asks about somebody: a document and its row.
QUERIES: dict[str, tuple[str, str]] = {
    "viewer": ("{ viewer { environment } }", ALL),
    "actionTypes": ("{ actionTypes { code } }", ALL),
    "estimateAction": (
        "query ($legs: [LegInput!]!) { estimateAction(legs: $legs) { calculation { credited } } }",
        ALL,
    ),
    "estimateAction of a user": (
        "query ($legs: [LegInput!]!, $user: ID!) { estimateAction(legs: $legs, user: {id: $user}) "
        "{ errors { __typename } calculation { credited legs { capRemaining } } } }",
        "UserNotFound yes UserNotFound yes yes UserNotFound UserNotFound UserNotFound UserNotFound UserNotFound",
    ),
    "partners": ("{ partners { nodes { id } } }", ALL),
    "partner": ('{ partner(slug: "maps") { id } }', ALL),
    "projects": ("{ projects { nodes { id } } }", ALL),
    "project": ('{ project(code: "longwu") { id } }', ALL),
    "node": (
        "query ($donation: ID!) { node(id: $donation) { id } }",
        "none yes none yes none none yes none yes none",
    ),
    "node of a user": (
        "query ($user: ID!) { node(id: $user) { id } }",
        "none yes none yes none none none none yes none",
    ),
    "node of an event": (
        "query ($event: ID!) { node(id: $event) { id } }",
        "none none none none none none yes none yes none",
    ),
    "nodes": (
        "query ($action: ID!) { nodes(ids: [$action]) { id } }",
        "none yes none yes yes none none none yes none",
    ),
    "user": ("query ($user: ID!) { user(by: {id: $user}) { id } }", USER),
    "user by reference": (
        '{ user(by: {externalRef: "asked-about"}) { id } }',
        # The sandbox has a user of its own under this reference.
        "WHO yes none yes NO none NO NO none yes",
    ),
    "users": ("{ users { nodes { id externalRef } } }", USERS),
    "action": ("query ($action: ID!) { action(id: $action) { id } }", ACTION),
    "actions": ("{ actions { nodes { id externalRef user { id } } } }", ACTIONS),
    "actions of a user": ("query ($user: ID!) { actions(userId: $user) { nodes { id } } }", ACTION),
    "donation": ("query ($donation: ID!) { donation(id: $donation) { id } }", DONATION),
    "donation by its key": (
        'query ($user: ID!) { donation(idempotencyKey: "gift", user: {id: $user}) { id } }',
        "WHO yes none yes NO none none none none none",
    ),
    "donations": ("{ donations { nodes { id donor user { id } event { id } } } }", DONATIONS),
    "donations of a user": ("query ($user: ID!) { donations(userId: $user) { nodes { id } } }", OWN_DONATION),
    "errorCatalog": ("{ errorCatalog { code } }", ALL),
    "auditLog": ("{ auditLog { nodes { id actor details partner { id } } } }", OPERATORS),
}

#: What anybody may read: nothing in these types is about somebody. All others must be in FIELDS.
PUBLIC = {
    "ActionEstimate", "ActionType", "EmissionFactor", "ErrorDescription", "GeoPoint", "PageInfo", "Partner", "Project",
    "ProjectOrganisation", "ProjectProgress", "Text",
}  # fmt: skip
#: What is only sent to who follows, with the rows of `donationUpdates`; and what only the answer to a mutation holds.
FOLLOWED = {"Checkpoint", "ProjectPosition"}
ANSWERED = {"LinkCode"}

#: Each field of each type that carries private data, by a way that leads there.
FIELDS: dict[str, Way] = {
    "Viewer": Way(
        "{ viewer { %s } }",
        ("viewer",),
        {
            ALL: "environment rateLimit now",
            WITH_KEY: "partner keyId scopes",
            "none none none yes none yes none none none none": "user",
            "none none none yes yes yes none none none none": "expiresAt tokenExpiresAt",
            KEYS: "keys",
            "none yes none none none none none none none yes": "deprecatedUsage",
        },
    ),
    "ApiKey": Way(
        "{ viewer { keys { %s } } }",
        ("viewer", "keys"),
        {
            KEYS: "id environment scopes label createdAt lastUsedAt",
            "none yes none none none none none none none yes": "expiresAt revokedAt",
        },
    ),
    "RateLimit": Way(
        "{ viewer { rateLimit { %s } } }", ("viewer", "rateLimit"), {ALL: "capacity remaining refillPerS resetAt"}
    ),
    "DeprecatedUsage": Way(
        "{ viewer { deprecatedUsage { %s } } }",
        ("viewer", "deprecatedUsage"),
        {"none yes none none none none none none none yes": "field count lastUsedAt"},
    ),
    "User": Way(
        "query ($user: ID!) { user(by: {id: $user}) { %s } }",
        ("user",),
        {
            USER: "id environment createdAt balance actions donations transfers",
            "WHO yes none yes NO none NO NO none none": "externalRef",
        },
    ),
    "Balance": Way(
        "query ($user: ID!) { user(by: {id: $user}) { balance { %s } } }",
        ("user", "balance"),
        {USER: "available earned donated"},
    ),
    "Transfer": Way(
        "query ($user: ID!) { user(by: {id: $user}) { transfers { nodes { %s } } } }",
        ("user", "transfers", "nodes"),
        {USER: "kind amount isCredit createdAt"},
    ),
    "Action": Way(
        "query ($action: ID!) { action(id: $action) { %s } }",
        ("action",),
        {
            ACTION: "id type quantity startedAt endedAt externalRef status credited takenBack createdAt reversedAt "
            "calculation partner actionType",
            "WHO yes none yes none none NO NO yes none": "user",
            "WHO yes none yes NO none NO NO yes none": "spentOn",
        },
    ),
    "Calculation": Way(
        "query ($action: ID!) { action(id: $action) { calculation { %s } } }",
        ("action", "calculation"),
        {ACTION: "rounding legs emissionReduction capApplied credited"},
    ),
    "CalculationLeg": Way(
        "query ($action: ID!) { action(id: $action) { calculation { legs { %s } } } }",
        ("action", "calculation", "legs"),
        {
            ACTION: "type quantity unit startedAt endedAt factor formula baselineEmissions projectEmissions "
            "emissionReduction capRemaining credited"
        },
    ),
    "Spending": Way(
        "query ($action: ID!) { action(id: $action) { spentOn { %s } } }",
        ("action", "spentOn"),
        {"WHO yes none yes NO none NO NO yes none": "amount returned project donation"},
    ),
    "Donation": Way(
        "query ($donation: ID!) { donation(id: $donation) { %s } }",
        ("donation",),
        {
            DONATION: "id amount createdAt project status reversedAt reversibleUntil donor partner event",
            OWN_DONATION: "user fundedBy",
        },
    ),
    "Funding": Way(
        "query ($donation: ID!) { donation(id: $donation) { fundedBy { %s } } }",
        ("donation", "fundedBy"),
        {OWN_DONATION: "amount action"},
    ),
    "DonationEvent": Way(
        "query ($donation: ID!) { donation(id: $donation) { event { %s } } }",
        ("donation", "event"),
        {
            DONATION: "id kind sequence cursor donationId projectId amount totalAfter donor occurredAt sealedAt "
            "blockNumber leafHash project"
        },
    ),
    "AuditEntry": Way(
        "{ auditLog { nodes { %s } } }",
        ("auditLog", "nodes"),
        {OPERATORS: "id kind actor details createdAt partner project"},
    ),
}

#: Each mutation. In this order: of the refused, and of what the one leaves to the next.
MUTATIONS: dict[str, str] = {
    "reverseAction": "WHO yes ActionNotFound yes NO ActionNotFound NO NO NO ActionNotFound",
    "reverseDonation": "WHO yes DonationNotFound yes NO DonationNotFound NO NO NO DonationNotFound",
    "donateEnergy": "WHO yes UserNotFound yes NO UserNotFound NO NO NO UserNotFound",
    "createUserToken": "WHO yes UserNotFound NO NO NO NO NO NO UserNotFound",
    "issueLinkCode": "WHO yes UserNotFound NO NO NO NO NO NO UserNotFound",
    "recordAction": "WHO yes UserNotFound yes NO UserNotFound NO NO NO UserNotFound",
    "recordActions": "WHO yes UserNotFound yes NO UserNotFound NO NO NO UserNotFound",
    "linkUser": "WHO AlreadyLinked yes NO NO NO NO NO NO LinkCodeInvalid",
    "unlinkUser": "WHO yes LastLink NO NO NO NO NO NO UserNotFound",
    # An app, and a person with a token, has no part in projects; who has, changes its own, and none in the sandbox.
    "addProject": "WHO NO NO NO NO NO yes yes yes NO",
    "updateProject": "WHO NO NO NO NO NO yes ProjectNotYours yes NO",
    "setProjectStatus": "WHO NO NO NO NO NO yes ProjectNotYours yes NO",
    "setProjectOrganisations": "WHO NO NO NO NO NO ProjectNotYours ProjectNotYours yes NO",
    "advanceSandboxClock": "WHO SandboxOnly SandboxOnly NO NO NO SandboxOnly SandboxOnly SandboxOnly yes",
}

SUBSCRIPTIONS: dict[str, tuple[str, str]] = {
    "donationUpdates": (
        "subscription ($project: ID!) { donationUpdates(projectIds: [$project]) "
        "{ __typename ... on DonationEvent { donor donationId } ... on Checkpoint { cursor at "
        "positions { projectId sequence } } } }",
        "WHO NO NO NO NO NO yes NO yes NO",
    ),
    "projectProgress": ("subscription ($project: ID!) { projectProgress(projectId: $project) { sequence } }", ALL),
}
