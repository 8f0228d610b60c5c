"""posmoe on Ray Data: a class for `map_batches`, with a model for every worker. Needs the extra `ray`.

>>> workers = ray.data.ActorPoolStrategy(size=8)
>>> dataset.map_batches(posmoe.ray.Parser, batch_format="pyarrow", compute=workers)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cluster import Settings, parse, parser_of
from .errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


class Parser:
    """A worker. Takes what `posmoe.cluster.Settings` takes, by `fn_constructor_kwargs`.

    Raises:
        BundleError: this worker has no such model.
        InputError: a setting is out of bounds.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = Settings(**settings)
        parser_of(self._settings.model, self._settings.engine)

    def __call__(self, table: pa.Table) -> pa.Table:
        """The table with the columns that `posmoe.arrow` describes; texts that are null have null there.

        Raises:
            InputError: it has no such texts, or a row can't be parsed.
        """
        if isinstance(table, dict):
            raise InputError("expected tables of Arrow, got a dict: give map_batches batch_format='pyarrow'.")
        result: pa.Table = parse(table, self._settings)
        return result
