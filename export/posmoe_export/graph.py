"""The network as an ONNX graph: feature identifiers in, heads, labels and tags out, in one graph."""

import copy
import warnings

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from posmoe_export.errors import ExportError
from posmoe_models import Parser
from posmoe_models.config import FEATURES_PER_WORD
from posmoe_models.lexicon import QuantisedLexicon
from posmoe_models.parser import Scores
from posmoe_quant.formats import E4M3, E5M2, INT4
from posmoe_quant.linear import FrozenLinear

# the newest that every supported version of ONNX Runtime reads
OPSET = 21
NEWEST = 25


class DequantisedTable(nn.Module):
    """Rows of an INT8 table that is dequantised as a whole: for engines without integer arithmetic, like TensorRT."""

    codes: Tensor
    scale: Tensor

    def __init__(self, lexicon: QuantisedLexicon) -> None:
        super().__init__()
        if lexicon.bigrams:
            raise ExportError("expected a network without a table of pairs of words, which no such engine computes")
        self.register_buffer("codes", lexicon.codes)
        self.register_buffer("scale", lexicon.scale)

    def forward(self, identifiers: Tensor) -> Tensor:
        """Identifiers int [batch, time, 6] → float [batch, time, dim]."""
        shape = list(self.codes.shape)
        parts = (self.codes, self.scale)
        table = torch.onnx.ops.symbolic("DequantizeLinear", parts, {"axis": 0}, dtype=torch.float32, shape=shape)
        return nn.functional.embedding(identifiers, table).sum(-2)


def export_graph(parser: Parser, opset: int = OPSET, *, whole_table: bool = False) -> onnx.ModelProto:
    """Export a parser with dynamic batch and length.

    Args:
        parser: as `posmoe_quant.freeze` gives it.
        opset: ONNX operator set, from `oldest_opset(parser)` to 25.
        whole_table: dequantise the lexical table as a whole (an engine does it once, when it builds), not its rows.
    Returns:
        the graph with its weights inside; inputs `features` int32 [batch, length, 6] and `lengths`
        int64 [batch], outputs named after `Scores`.
    Raises:
        ExportError: the operator set has not what the network needs, or is not known.
    """
    oldest, why = oldest_opset(parser)
    if not oldest <= opset <= NEWEST:
        raise ExportError(f"expected an opset from {oldest} ({why}) to {NEWEST}, got {opset}")
    if whole_table:
        parser = copy.copy(parser)
        parser._modules = {**parser._modules, "lexicon": DequantisedTable(_table(parser))}
    # sizes that no layer has, so that no dimension is taken for another
    features = torch.ones(3, 11, FEATURES_PER_WORD, dtype=torch.int32)
    lengths = torch.tensor([11, 7, 1])
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter; nothing that a caller could change
        program = torch.onnx.export(
            parser,
            (features, lengths),
            dynamo=True,
            opset_version=opset,
            input_names=["features", "lengths"],
            output_names=list(Scores._fields),
            dynamic_shapes={"features": {0: batch, 1: length}, "lengths": {0: batch}},
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    forget_origin(model.graph)
    _unfold_codes(model.graph, _integer_codes(parser))
    _pack_int4(model.graph, {f"{n}.codes" for n, m in _frozen(parser).items() if m.weights == INT4})
    return model


def oldest_opset(parser: Parser) -> tuple[int, str]:
    """The oldest operator set that says what a network computes, and why."""
    layers = _frozen(parser).values()
    if any(layer.size is not None or layer.weights == INT4 for layer in layers):
        return 21, "the first with INT4 and scales by group"
    if any(form in (E4M3, E5M2) for layer in layers for form in (layer.weights, layer.inputs)):
        return 19, "the first with FP8"
    return 18, "the first that the exporter writes"


def _table(parser: Parser) -> QuantisedLexicon:
    if not isinstance(parser.lexicon, QuantisedLexicon):
        raise ExportError("expected a frozen network, got one whose table is still float")
    return parser.lexicon


def _frozen(parser: Parser) -> dict[str, FrozenLinear]:
    return {name: layer for name, layer in parser.named_modules() if isinstance(layer, FrozenLinear)}


def _integer_codes(parser: Parser) -> dict[str, torch.Tensor]:
    """The INT8 matrices of layers that compute integers, by name."""
    apart = {f"{name}.codes" for name in [*_frozen(parser), "lexicon"]}
    state = parser.state_dict()
    return {n: t for n, t in state.items() if n.endswith(".codes") and n not in apart and t.dtype == torch.int8}


def _unfold_codes(graph: onnx.GraphProto, codes: dict[str, torch.Tensor]) -> None:
    """Give the graph its INT8 matrices back where the exporter folded their conversion to float.

    A folded initialiser becomes Transpose(Cast(codes)), which an engine folds again when it loads the graph.
    """
    folded = {tensor.T.float().contiguous().numpy().tobytes(): name for name, tensor in codes.items()}
    for tensor in list(graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != 2:
            continue
        name = folded.get(numpy_helper.to_array(tensor).tobytes())
        if name is None:
            continue
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(codes[name].numpy(), name))
        cast = onnx.helper.make_node("Cast", [name], [f"{name}.float"], to=onnx.TensorProto.FLOAT)
        turned = onnx.helper.make_node("Transpose", [f"{name}.float"], [tensor.name], perm=[1, 0])
        graph.node.insert(0, turned)
        graph.node.insert(0, cast)


def _pack_int4(graph: onnx.GraphProto, names: set[str]) -> None:
    """Keep codes as INT4, two a byte; PyTorch has no such type."""
    for tensor in graph.initializer:
        if tensor.name in names:
            codes = numpy_helper.to_array(tensor)
            kind = onnx.TensorProto.INT4
            tensor.CopyFrom(onnx.helper.make_tensor(tensor.name, kind, codes.shape, codes.astype(np.int64).flatten()))


def forget_origin(graph: onnx.GraphProto) -> None:
    """Drop what the exporter notes of the source, such as stack traces with paths, and inferred shapes."""
    del graph.value_info[:]
    del graph.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
        for attribute in node.attribute:
            if attribute.HasField("g"):
                forget_origin(attribute.g)
