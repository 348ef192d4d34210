"""Which language a caller is spoken to in, by `Accept-Language`."""

import pytest

from api.access import Language, preferred


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("ZH-Hans-CN", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.1, zh;q=0.2", "zh"),
        ("fr-FR, de;q=0.5", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("*", "en"),
        ("zh;q=0", "en"),
        ("en;q=0, *", "zh"),
        ("en;q=0", "en"),
        ("zh;q=nonsense", "en"),
        ("zh;q=nan", "en"),
        ("zh;q=2", "en"),
        (";;q=,,=", "en"),
        ("zh," * 10_000, "zh"),
    ],
)
def test_the_best_of_our_languages_is_spoken_and_english_if_none_is_better(header: str, language: str) -> None:
    assert preferred(header) is Language(language)
