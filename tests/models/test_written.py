"""Pages that PostgreSQL writes say what their rows say; what it cannot write comes as rows."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api.ledger import Ledger, UserBy
from api.models import Action, ActionStatus, Page, Project, Transfer, UserLink, Window, encode_id, encoder, new_id
from api.models.loaders import UserPage, loaders
from api.models.statements import CHOICES_MAX, kept
from api.models.written import WrittenPage
from tests.conftest import Actor, bus, recording

NAMES = {ActionStatus.CREDITED: "GIVEN", ActionStatus.CAPPED: "CAPPED", ActionStatus.REVERSED: 'it\'s "back"'}
REFS = ["plain", 'quo"ted\\', "lines\nand\ttabs\x01\x1f", "北京 \u2028 ☂", ""]


@dataclass(frozen=True)
class Value:
    column: str
    kind: str
    nullable: bool = False
    name_of: Callable[[Any], str] | None = NAMES.__getitem__
    form: "Form | None" = None


@dataclass(eq=False)
class Form:
    literals: tuple[str, ...]
    values: tuple[Value, ...]
    opened: tuple[str, ...] = ()


def form_of(*values: Value, start: str = "{") -> Form:
    """Return a form that has each value under its column's name."""
    keys = [f'"{value.column}":' for value in values]
    return Form((start + keys[0], *(f",{key}" for key in keys[1:]), "}"), values, ("id",) if "\x01" in start else ())


EVERYTHING = form_of(
    Value("type", "text"), Value("quantity", "int32"), Value("credited_g", "integer"), Value("status", "name"),
    Value("external_ref", "text", nullable=True), Value("started_at", "text"),
    Value("reversed_at", "text", nullable=True), Value("taken_back_g", "integer", nullable=True), start='{"id":"\x01",',
)  # fmt: skip


@pytest.fixture
async def link(ledger: Ledger, app_partner: Actor, project: Project) -> UserLink:
    """A user with two donations, an action that was taken back, and one for each reference, even such as none has."""
    caller, user, ended_at = app_partner.partnership, UserBy(external_ref="u1"), bus().ended_at.replace(microsecond=0)
    await ledger.record(caller, [recording("u1", "trip", bus(at=ended_at))])
    (first,) = await Action.all().values()
    for number, ref in enumerate(REFS, start=1):
        earlier = first["started_at"] - timedelta(hours=2 * number, microseconds=number)
        await Action.create(**first | {"id": new_id(), "external_ref": ref, "started_at": earlier})
    for key in ("a", "b"):
        await ledger.donate(caller, user, project.id, 10, key)
    await ledger.reverse_action(caller, first["id"], "void")
    (found,) = await UserLink.all()
    return found


def asked(link: UserLink, form: Form | None, **window: Any) -> UserPage:
    return UserPage(link.user_id, link.partner_id, link.environment, Window(**{"limit": 10} | window), form=form)


async def page_of(link: UserLink, form: Form, **window: Any) -> WrittenPage | Page[Any]:
    page: WrittenPage | Page[Any] | None = await loaders().action_pages.load(asked(link, form, **window))
    assert page is not None
    return page


def filled(page: WrittenPage) -> list[dict[str, Any]]:
    """Return a page's rows, with the texts of ids where these were left open."""
    texts = iter(encoder("act").packed(page.ids, page.count))  # type: ignore[attr-defined]
    parts = page.text.split("\x01")
    whole = "".join(part + next(texts) for part in parts[:-1]) + parts[-1]
    rows: list[dict[str, Any]] = json.loads(f"[{whole}]")
    return rows


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def shown(row: Any) -> dict[str, Any]:
    return {
        "id": encode_id("act", row.id), "type": row.type, "quantity": row.quantity, "credited_g": row.credited_g,
        "status": NAMES[row.status], "external_ref": row.external_ref, "started_at": moment(row.started_at),
        "reversed_at": moment(row.reversed_at), "taken_back_g": row.taken_back_g,
    }  # fmt: skip


async def test_a_written_page_says_what_its_rows_say(link: UserLink) -> None:
    rows = await Action.all().order_by("-id")
    ids = [row.id for row in rows]
    for window in ({}, {"limit": 2}, {"limit": 5}, {"after": ids[1]}, {"limit": 1, "after": ids[2]}, {"after": ids[-1]},
                   {"oldest_first": True, "limit": 3}, {"before": ids[3]}):  # fmt: skip
        plain: Any = await loaders().action_pages.load(asked(link, None, **window))
        page = await page_of(link, EVERYTHING, **window)
        if not kept().writes_pages:
            assert type(page) is Page
            continue
        assert isinstance(page, WrittenPage)
        whole = {row.id: row for row in rows}
        assert filled(page) == [shown(whole[row.id]) for row in plain.rows]
        assert (page.count, page.has_next, page.has_previous) == (len(plain.rows), plain.has_next, plain.has_previous)
        assert [one and one.id for one in (page.first, page.last)] == [
            one and one.id for one in (plain.first, plain.last)
        ]


async def test_a_page_from_the_end_comes_as_rows(link: UserLink) -> None:
    page = await page_of(link, EVERYTHING, limit=2, from_end=True)
    assert type(page) is Page
    assert len(page.rows) == 2


async def test_what_is_not_what_it_must_be_comes_as_rows(url: str, link: UserLink) -> None:
    if not kept().writes_pages:
        assert type(await page_of(link, EVERYTHING)) is Page
        return
    ids = [row.id for row in await Action.all().order_by("-id")]
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER TABLE action DISABLE TRIGGER ALL")
    for column, value, before in (("quantity", 2**31, 8_000), ("status", "STRANGE", "CREDITED")):
        await connection.execute(f"UPDATE action SET {column} = $1 WHERE id = $2", value, ids[1])  # noqa: S608
        strange = await page_of(link, EVERYTHING)
        assert type(strange) is Page
        assert [row.id for row in strange.rows] == ids
        # Of two pages that are asked for together only the one is not written.
        both: list[Any] = await loaders().action_pages.load_many(
            [asked(link, EVERYTHING, limit=1), asked(link, EVERYTHING, limit=1, after=ids[1])]
        )
        assert [type(one) for one in both] == [Page, WrittenPage]
        await connection.execute(f"UPDATE action SET {column} = $1 WHERE id = $2", before, ids[1])  # noqa: S608
        assert isinstance(await page_of(link, EVERYTHING), WrittenPage)
    await connection.close()


def nameless(member: Any) -> str:
    raise TypeError(member)


@pytest.mark.parametrize(
    "value",
    [
        Value("user_id", "text"), Value("quantity", "text"), Value("type", "integer"), Value("type", "name"),
        Value("status", "text"), Value("unheard_of", "text"), Value("type", "float"),
        Value("status", "name", name_of=nameless),
        Value("user_id", "beside", form=form_of(Value("id", "text"))),
    ],
)  # fmt: skip
async def test_what_cannot_be_written_comes_as_rows(link: UserLink, value: Value) -> None:
    assert type(await page_of(link, form_of(value))) is Page


async def test_what_lies_beside_is_written_with_its_row(link: UserLink, project: Project) -> None:
    inner = form_of(Value("code", "text"), Value("name_en", "text"), start='{"id":"\x01",')
    form = Form(
        ('{"id":"\x01","amount":', ',"project":', "}"),
        (Value("amount_g", "integer"), Value("project_id", "beside", form=Form(inner.literals, inner.values))),
        ("id", "project_id"),
    )
    page: Any = await loaders().donation_pages.load(asked(link, form))
    if not kept().writes_pages:
        assert type(page) is Page
        return
    assert page.text.count("\x01") == 4
    donations = await Transfer.filter(kind="DONATE").order_by("-id")
    assert [bytes(one[at : at + 16]) for one in page.opened for at in (0, 16)] == [
        *(row.id.bytes for row in donations), project.id.bytes, project.id.bytes
    ]  # fmt: skip
    told = {"id": "", "code": project.code, "name_en": project.name_en}
    expected = [{"id": "", "amount": row.amount_g, "project": told} for row in donations]
    assert json.loads(f"[{page.text.replace(chr(1), '')}]") == expected


async def test_nobody_is_written_what_is_another_partners(link: UserLink, other_app: Actor) -> None:
    keys = [
        asked(link, EVERYTHING),
        asked(link, EVERYTHING)._replace(partner_id=other_app.partner.id),
        asked(link, EVERYTHING)._replace(user_id=UUID(int=7)),
    ]
    pages: list[Any] = await loaders().action_pages.load_many(keys)
    counts = [page.count if type(page) is WrittenPage else len(page.rows) for page in pages]
    assert counts == [6, 0, 0]


async def test_so_many_forms_are_written_and_no_more(link: UserLink) -> None:
    columns = ["type", "quantity", "credited_g", "external_ref", "started_at", "created_at"]
    kinds = {"quantity": "integer", "credited_g": "integer"}
    forms = [
        form_of(
            *(Value(one, kinds.get(one, "text"), nullable=True) for n, one in enumerate(columns) if chosen >> n & 1)
        )
        for chosen in range(1, 2 ** len(columns))
    ]
    pages = [await page_of(link, form) for form in forms]
    written = sum(type(page) is WrittenPage for page in pages)
    assert 0 < written <= CHOICES_MAX or not kept().writes_pages
    # Others of the same columns are the same question.
    again = form_of(*forms[0].values)
    assert type(await page_of(link, again)) is type(pages[0])
