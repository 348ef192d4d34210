"""What schemathesis cannot make up: our scalars, and ids of things that are there, given by the environment.

And what it does not tell: the status of each answer, a line each in a file.

Run by schemathesis in its own environment, which knows nothing of Lucid.
"""

import json
import os
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

KNOWN = json.loads(os.environ.get("LUCID_FUZZ_IDS", "[]"))
EDGES = [-1, 0, 1, 416, 2**31 - 1, 2**31, 2**53 - 1, 2**53, 2**63]

schemathesis.graphql.scalar("Grams", st.one_of(st.integers(1, 500), st.sampled_from(EDGES)).map(nodes.Int))
schemathesis.graphql.scalar(
    "DateTime",
    st.one_of(
        st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
        st.text(max_size=30),
        st.just("2026-06-05T08:00:00Z"),
    ).map(nodes.String),
)
schemathesis.graphql.scalar(
    "ID", st.one_of(st.sampled_from(KNOWN or ["prj_0"]), st.text(max_size=40)).map(nodes.String)
)

ANSWERS = Path(os.environ["LUCID_FUZZ_ANSWERS"]).open("a", buffering=1)  # noqa: SIM115 - until the process ends


@schemathesis.hook
def after_call(_: Any, __: Any, response: Any) -> None:
    """Note an answer."""
    ANSWERS.write(f"{response.status_code}\n")
