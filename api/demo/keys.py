"""One ready key for each kind of caller, kept in a file: the database has only their hashes.

The file belongs to one database. That is not written in it but tried: each key must authenticate as its partner.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from api.access import Authenticator, Unauthenticated, issue_key
from api.demo.cast import OPERATOR
from api.models import ApiKey, Environment, Partner
from api.models.database import is_sqlite, sqlite_path

FOLDER = Path("var")
LABEL = "demo"


class Holder(NamedTuple):
    """For whom a key is."""

    name: str
    slug: str
    environment: Environment = Environment.LIVE


HOLDERS = (
    Holder("partner app (amap)", "amap"),
    Holder("partner app (transit)", "transit"),
    Holder("NGO (tnc)", "tnc"),
    Holder("sponsor (alibaba)", "alibaba-philanthropy"),
    Holder("operator", OPERATOR),
    Holder("sandbox of amap", "amap", Environment.SANDBOX),
)


def keys_file(database_url: str, folder: Path | None = None) -> Path:
    """Return where the keys of a database are kept: beside it when it is embedded, or else under `var`."""
    if is_sqlite(database_url):
        path = sqlite_path(database_url)
        return (folder or path.parent) / f"{path.stem}.demo-keys.json"
    return (folder or FOLDER) / f"{urlsplit(database_url).path.strip('/') or 'postgres'}.demo-keys.json"


async def kept_keys(path: Path) -> dict[str, str]:
    """Return the keys of the file that open this database, by the names of their holders and in their order."""
    content = _read(path)
    return {holder.name: key for holder in HOLDERS if await _opens(holder, key := content.get(holder.name, ""))}


async def ready_keys(path: Path, partners: dict[str, Partner]) -> dict[str, str]:
    """Return a key for every holder, by name and in order: kept ones where they are valid, new ones where not."""
    kept = await kept_keys(path)
    keys = {
        holder.name: kept.get(holder.name) or await issue_key(partners[holder.slug], holder.environment, label=LABEL)
        for holder in HOLDERS
    }
    _write(path, keys)
    return keys


async def has_keys(partner: Partner) -> bool:
    """Whether keys of the demo data were ever issued to a partner in this database."""
    return any(key.label == LABEL for key in await ApiKey.of_partner(partner.id))


async def _opens(holder: Holder, key: str) -> bool:
    with suppress(Unauthenticated):
        caller = await Authenticator()({"authorization": f"Bearer {key}"})
        if caller.partner is not None:
            return (caller.partner.slug, caller.environment) == (holder.slug, holder.environment)
    return False


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {name: key for name, key in content.items() if isinstance(key, str)} if isinstance(content, dict) else {}


def _write(path: Path, keys: dict[str, str]) -> None:
    """Put the file in place complete, readable for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(json.dumps(keys, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
