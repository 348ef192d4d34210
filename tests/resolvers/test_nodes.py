"""Anything by its global id, for whom it is; null for whom it is not."""

from api.models import Project, encode_id, new_id
from tests.conftest import Actor, Running
from tests.resolvers.calls import donate, earned, project_id, sealed

NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


async def test_each_kind_of_thing_is_found_by_its_id_by_those_who_may_see_it(
    service: Running, app_partner: Actor, other_app: Actor, ngo: Actor, operator: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    await earned(app, ("u1", 1))
    donation = (await donate(app, "k", project, 10))["donation"]["id"]
    await sealed()
    found = await app(
        "{ users { nodes { id } } actions { nodes { id } } donations { nodes { event { id } } } actionTypes { id } }"
    )
    private = {
        "User": found["users"]["nodes"][0]["id"],
        "Action": found["actions"]["nodes"][0]["id"],
        "Donation": donation,
        "DonationEvent": found["donations"]["nodes"][0]["event"]["id"],
    }
    public = {
        "Project": project_id(project),
        "Partner": encode_id("ptn", ngo.partner.id),
        "ActionType": found["actionTypes"][0]["id"],
    }
    prefixes = {kind: one.partition("_")[0] for kind, one in (private | public).items()}
    assert prefixes == {
        "User": "usr",
        "Action": "act",
        "Donation": "don",
        "DonationEvent": "evt",
        "Project": "prj",
        "Partner": "ptn",
        "ActionType": "typ",
    }
    ids = [*private.values(), *public.values()]
    for actor, mine in (
        (None, set()),
        (app_partner, {"User", "Action", "Donation"}),
        (other_app, set()),
        (ngo, {"Donation", "DonationEvent"}),
        (operator, set(private)),
    ):
        client = service.client(actor)
        seen = (await client(NODES, ids=ids))["nodes"]
        expected = [
            {"__typename": kind, "id": one} if kind in mine or kind in public else None
            for kind, one in (private | public).items()
        ]
        assert seen == expected, actor
        # One by one it is the same.
        assert [(await client(NODE, id=one))["node"] for one in ids] == expected


async def test_what_is_no_id_or_the_id_of_nothing_is_not_found(
    service: Running, app_partner: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    suffix = project_id(project).partition("_")[2]
    nothing = [
        "",
        "longwu",
        suffix,
        f"_{suffix}",
        f"xyz_{suffix}",
        f"usr_{suffix}",
        f"prj_{suffix.upper()}",
        f"prj_{suffix}0",
        f"prj_{suffix[:-1]}",
        f"prj_8{suffix[1:]}",
        f"prj_{suffix[:-1]}u",
        str(project.id),
        "a" * 100_000,
        "prj_\u6f22\u5b57",
        *(encode_id(prefix, new_id()) for prefix in ("usr", "act", "don", "prj", "ptn", "evt", "typ")),
    ]
    assert (await app(NODES, ids=nothing))["nodes"] == [None] * len(nothing)
    assert (await app(NODES, ids=[]))["nodes"] == []
    # In the order asked for, as often as asked for.
    one = project_id(project)
    assert [node and node["id"] for node in (await app(NODES, ids=[one, "x", one]))["nodes"]] == [one, None, one]
    too_many = await app.send(NODES, ids=[one] * 101)
    assert [error["extensions"]["code"] for error in too_many["errors"]] == ["BAD_USER_INPUT"]


async def test_single_things_are_found_by_id_or_by_name_but_not_by_both(service: Running, project: Project) -> None:
    nobody = service.client()
    one = project_id(project)
    assert (await nobody("query ($id: ID!) { project(id: $id) { code } }", id=one))["project"] == {"code": "longwu"}
    assert await nobody('{ project(code: "none") { id } partner(slug: "none") { id } }') == {
        "project": None,
        "partner": None,
    }
    assert (await nobody('{ project(id: "ptn_01h455vb4pex5vsknk084sn02q") { id } }'))["project"] is None
    for document in (
        "{ project { id } }",
        '{ project(id: "x", code: "y") { id } }',
        "{ partner { id } }",
        '{ partner(id: "x", slug: "y") { id } }',
    ):
        answer = await nobody.send(document)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"], document


async def test_a_donation_is_asked_for_in_one_way_at_a_time(service: Running, app_partner: Actor) -> None:
    app = service.client(app_partner)
    for arguments in (
        'idempotencyKey: "k"',
        'user: {externalRef: "u1"}',
        'id: "x", idempotencyKey: "k"',
        'id: "x", idempotencyKey: "k", user: {externalRef: "u1"}',
    ):
        answer = await app.send(f"{{ donation({arguments}) {{ id }} }}")
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"], arguments
    unknown = '{ donation(idempotencyKey: "k", user: {externalRef: "nobody"}) { id } }'
    assert (await app(unknown))["donation"] is None
