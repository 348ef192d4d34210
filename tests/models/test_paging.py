"""Keyset pages against the plainest list there is."""

from itertools import product
from uuid import UUID

from tortoise.context import TortoiseContext

from api.models import Partner, Window, encode_id, new_id, now
from api.models.paging import page_of


async def test_a_page_is_the_slice_of_the_whole_list_that_its_window_says(db: TortoiseContext) -> None:
    ids = [new_id() for _ in range(9)]
    await Partner.bulk_create(
        Partner(id=one, slug=encode_id("p", one), name_zh="x", name_en="x", kinds=[], created_at=now()) for one in ids
    )
    # Cursors: none, before all, each second row, a place between two rows, after all.
    between = UUID(int=(ids[3].int + ids[4].int) // 2)
    cursors = [None, UUID(int=0), *ids[::2], between, UUID(int=2**128 - 1)]
    for after, before, limit in product(cursors, cursors, (1, 3, 9, 20)):
        for oldest_first, from_end in product((True, False), (True, False)):
            window = Window(limit=limit, after=after, before=before, oldest_first=oldest_first, from_end=from_end)
            page = await page_of(Partner.all(), window)
            whole = plain(ids, window._replace(limit=100))
            expected = whole[-limit:] if from_end else whole[:limit]
            assert [row.id for row in page.rows] == expected, window
            more = len(whole) > limit
            assert (page.has_previous if from_end else page.has_next) is more, window


def plain(ids: list[UUID], window: Window) -> list[UUID]:
    """Return what lies between the cursors, by comparing each."""
    past, ahead = (window.after, window.before) if window.oldest_first else (window.before, window.after)
    found = [one for one in ids if (past is None or one > past) and (ahead is None or one < ahead)]
    return found if window.oldest_first else found[::-1]
