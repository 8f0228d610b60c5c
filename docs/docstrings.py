"""An extension of griffe, which reads our docstrings for the site: it wants an empty line before each section."""

import re
from typing import Any

from griffe import Extension, Object

SECTION = re.compile(r"(?<!\n)\n(?=(?:Args|Attributes|Returns|Yields|Raises|Warns):\n)")


class Sections(Extension):
    """Put the empty lines there."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called by griffe for every object once it is loaded."""
        if obj.docstring is not None:
            obj.docstring.value = SECTION.sub("\n\n", obj.docstring.value)
