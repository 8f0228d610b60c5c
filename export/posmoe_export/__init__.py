"""From a trained checkpoint to the bundle that the runtime loads."""

from posmoe_export.bundle import export_bundle as export_bundle
from posmoe_export.errors import ExportError as ExportError
from posmoe_export.graph import export_graph as export_graph
from posmoe_export.parity import Parity as Parity
from posmoe_export.parity import compare as compare
from posmoe_export.run import export_run as export_run

__all__ = ["ExportError", "Parity", "compare", "export_bundle", "export_graph", "export_run"]
