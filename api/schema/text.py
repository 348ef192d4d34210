"""Text in the two languages of the programmes."""

import strawberry

from api.schema.views import ReadParts


@strawberry.type(description="A text in Chinese and in English.")
class Text:
    """A text in Chinese and in English."""

    zh: str = strawberry.field(description="In simplified Chinese.")
    en: str = strawberry.field(description="In English.")


def text_of(name: str) -> ReadParts:
    """Return what reads a text of a row from its two columns."""
    return ReadParts(Text, zh=f"{name}_zh", en=f"{name}_en")
