"""Text in the two languages of the programmes."""

import strawberry


@strawberry.type(description="A text in Chinese and in English.")
class Text:
    """A text in Chinese and in English."""

    zh: str = strawberry.field(description="In simplified Chinese.")
    en: str = strawberry.field(description="In English.")
