"""What is asked in the race: documents as a partner writes them, sent whole, with variables, by POST.

Every server is asked for the same rows. Where a document differs between servers it is because their schemas do. The
variables change with each request; how, `wrk.lua` says by the workload's `draw`.
"""

from dataclasses import dataclass

DONATE = """mutation Donate($input: DonateEnergyInput!) {
  donateEnergy(input: $input) {
    donation { id amount }
    balance { available }
    replayed
    errors { __typename ... on UserError { code message } }
  }
}"""


@dataclass(frozen=True)
class Workload:
    """One kind of request."""

    name: str
    says: str
    #: What changes with each request: `user`, `project`, nothing, or what is written.
    draw: str
    document: str
    #: A text without which an answer is not right.
    expects: str
    writes: bool = False


LUCID = {
    one.name: one
    for one in (
        Workload(
            "R1",
            "user page: user, balance, 20 newest actions, 10 newest donations each with its project",
            "user",
            """query UserPage($id: ID!) {
  user(by: { id: $id }) {
    id
    createdAt
    balance { available }
    actions(first: 20) { nodes { id type quantity startedAt credited status } }
    donations(first: 10) { nodes { id amount createdAt project { id code name { zh en } } } }
  }
}""",
            '"credited":',
        ),
        Workload(
            "R2",
            "list of 20 projects, each with the organisations that take part (same request from all)",
            "nothing",
            """query Projects {
  projects(first: 20) {
    nodes {
      id code name { zh en } category status goal
      organisations { role partner { id slug name { en } } }
    }
  }
}""",
            '"role":"FUNDING"',
        ),
        Workload(
            "R3",
            "one project, three fields",
            "project",
            "query Project($id: ID!) { project(id: $id) { code category status } }",
            '"status":"IMPLEMENTATION"',
        ),
        Workload(
            "W1",
            "record an action",
            "action",
            """mutation Record($input: RecordActionInput!) {
  recordAction(input: $input) {
    action { id credited status }
    balance { available }
    replayed
    errors { __typename ... on UserError { code message } }
  }
}""",
            '"status":"CREDITED"',
            writes=True,
        ),
        Workload("W2a", "donate, 300 projects", "donation", DONATE, '"replayed":false', writes=True),
        Workload("W2b", "donate, all to one project", "hot", DONATE, '"replayed":false', writes=True),
    )
}
NAMES = tuple(LUCID)
#: Those that record actions; the others that write donate.
RECORDS = {"W1"}
