"""Settings: read once, refused with the name of the variable and what is expected."""

from datetime import timedelta
from pathlib import Path

import pytest

from api.app import make_app
from api.settings import VARIABLES, BadSetting, Settings, read_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({"PATH": "/bin", "HOME": "/"}) == Settings()
    assert Settings().database_url == "sqlite:///var/lucid.db"
    assert (Settings().host, Settings().port, Settings().workers) == ("127.0.0.1", 8000, 1)


def test_each_setting_is_read_in_its_unit() -> None:
    settings = read_settings(
        {
            "DATABASE_URL": "postgres://db/lucid",
            "LUCID_HOST": "0.0.0.0",  # noqa: S104 - to be read, not to listen on
            "LUCID_PORT": "0",
            "LUCID_WORKERS": "64",
            "LUCID_METHODOLOGY": "DESNZ-2026",
            "LUCID_TIMEZONE": "Europe/London",
            "LUCID_REVERSAL_WINDOW_S": "3600",
            "LUCID_CHECKPOINT_S": "1",
            "LUCID_DEADLINE_S": "600",
            "LUCID_ORIGINS": "https://a.example  https://b.example",
            "LUCID_LOG_LEVEL": "error",
        }
    )
    assert settings.database_url == "postgres://db/lucid"
    assert (settings.port, settings.workers, settings.log_level) == (0, 64, "error")
    assert (settings.methodology, settings.timezone.key) == ("DESNZ-2026", "Europe/London")
    assert settings.reversal_window == timedelta(hours=1)
    assert (settings.checkpoint, settings.deadline) == (timedelta(seconds=1), timedelta(minutes=10))
    assert settings.origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LUCID_PORT", ""),
        ("LUCID_PORT", "eighty"),
        ("LUCID_PORT", "-1"),
        ("LUCID_PORT", "65536"),
        ("LUCID_PORT", "80.0"),
        ("LUCID_PORT", " 80"),
        ("LUCID_PORT", "\u0668\u0660"),
        ("LUCID_WORKERS", "0"),
        ("LUCID_WORKERS", "65"),
        ("LUCID_TIMEZONE", "Mars/Olympus"),
        ("LUCID_TIMEZONE", ""),
        ("LUCID_TIMEZONE", "../../etc/passwd"),
        ("LUCID_TIMEZONE", "a\0b"),
        ("LUCID_REVERSAL_WINDOW_S", "1d"),
        ("LUCID_REVERSAL_WINDOW_S", "31536001"),
        ("LUCID_CHECKPOINT_S", "0"),
        ("LUCID_DEADLINE_S", "601"),
        ("LUCID_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_of_no_use_is_refused_with_what_is_expected(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name}=.* cannot be used: expected .*\\.$"):
        read_settings({name: value})


def test_a_setting_that_is_not_known_is_refused_and_the_known_ones_are_told() -> None:
    with pytest.raises(BadSetting) as refused:
        read_settings({"LUCID_PROT": "80"})
    message = str(refused.value)
    assert message.startswith("LUCID_PROT is not a setting; there are ")
    assert all(name in message for name in VARIABLES)


def test_every_setting_is_in_the_operations_manual() -> None:
    manual = Path("docs/operations.md").read_text(encoding="utf-8")
    assert [name for name in VARIABLES if name not in manual] == []


def test_trusted_documents_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    path.write_text('{"totals": "{ projects { nodes { code } } }"}', encoding="utf-8")
    settings = read_settings({"LUCID_TRUSTED_DOCUMENTS": str(path)})
    assert settings.trusted_documents == {"totals": "{ projects { nodes { code } } }"}


@pytest.mark.parametrize("content", [None, "{", "[]", '{"a": 1}'])
def test_a_file_that_holds_no_documents_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "documents.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(BadSetting, match="LUCID_TRUSTED_DOCUMENTS"):
        read_settings({"LUCID_TRUSTED_DOCUMENTS": str(path)})


def test_a_trusted_document_that_does_not_fit_the_schema_stops_the_start() -> None:
    with pytest.raises(BadSetting, match="document old cannot be used: Cannot query field 'gone'"):
        make_app(Settings(trusted_documents={"old": "{ gone }"}))
