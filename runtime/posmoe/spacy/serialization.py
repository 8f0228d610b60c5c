"""How a saved pipeline refers to its model: by name, version and digest, which are checked when it is loaded."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from ..bundle import Bundle
from ..errors import BundleError

FILE = "model.json"


class Reference:
    """What spaCy asks of a part of a pipeline to save and load it. The model itself is not saved with it."""

    def __init__(self, bundle: Bundle) -> None:
        self._reference = {"name": bundle.name, "version": bundle.version, "digest": str(bundle.manifest["digest"])}

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The reference as JSON."""
        return json.dumps(self._reference).encode()

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        """Check that the model is the one that was there when the pipeline was saved.

        Raises:
            BundleError: it is another one, or the data are no such reference.
        """
        own = self._reference
        try:
            saved = {key: str(json.loads(data)[key]) for key in own}
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"expected a pipeline's reference to its model, got {data[:80]!r}: {error!r}.") from error
        if saved != own:
            raise BundleError(
                f"the pipeline was saved with model {saved['name']} {saved['version']}, this one is {own['name']} "
                f"{own['version']} of other content. Install the same model, or save the pipeline again."
            )
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the reference into a folder, which is made."""
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / FILE).write_bytes(self.to_bytes())

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> Self:
        """As `from_bytes`, from the folder."""
        return self.from_bytes((Path(path) / FILE).read_bytes())
