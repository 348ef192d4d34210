"""What the resolver of a field is told, by its spot, of the fields that are selected of its object."""

from api.execution.ahead import begins_ahead, taking
from api.execution.runtime import Resolve, Spot
from api.execution.written import Form


class Below:
    """What was found out of the fields of one selection while its function was written."""

    __slots__ = ("_ahead", "_forms")

    def __init__(self) -> None:
        self._forms: dict[str, Form | None] = {}
        self._ahead: list[tuple[Spot, Resolve]] = []

    def add_form(self, name: str, form: Form | None) -> None:
        """Add by what the list of a field is written. Of one that is selected twice there would have to be two."""
        self._forms[name] = form if name not in self._forms else None

    def add(self, spot: Spot, resolve: Resolve) -> Resolve:
        """Add a field with its resolver, and return how its value is had, which may be there already."""
        if not begins_ahead(spot.definition):
            return resolve
        self._ahead.append((spot, resolve))
        return taking(resolve, spot)

    def tell(self, spot: Spot) -> None:
        """Tell the field whose object it is."""
        spot.forms = {name: form for name, form in self._forms.items() if form is not None}
        spot.ahead = self._ahead
