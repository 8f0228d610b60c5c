"""The network as an ONNX graph: feature identifiers in, heads, labels and tags out, in one graph."""

import warnings

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from posmoe_models import Parser
from posmoe_models.config import FEATURES_PER_WORD
from posmoe_models.parser import Scores

OPSET = 20


def export_graph(parser: Parser, opset: int = OPSET) -> onnx.ModelProto:
    """Export a parser with dynamic batch and length.

    Args:
        parser: as `posmoe_quant.freeze` gives it.
        opset: ONNX operator set.
    Returns:
        the graph with its weights inside; inputs `features` int32 [batch, length, 6] and `lengths`
        int64 [batch], outputs named after `Scores`.
    """
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
    _forget_origin(model.graph)
    _unfold_codes(model.graph, {n: t for n, t in parser.state_dict().items() if n.endswith(".codes")})
    return model


def _unfold_codes(graph: onnx.GraphProto, codes: dict[str, torch.Tensor]) -> None:
    """Give the graph its INT8 matrices back where the exporter folded their conversion to float.

    A folded initialiser becomes Transpose(Cast(codes)), which an engine folds again when it loads the graph.
    """
    folded = {tensor.T.float().contiguous().numpy().tobytes(): name for name, tensor in codes.items()}
    for tensor in list(graph.initializer):
        array = numpy_helper.to_array(tensor)
        name = folded.get(array.tobytes()) if array.dtype == np.float32 and array.ndim == 2 else None
        if name is None:
            continue
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(codes[name].numpy(), name))
        cast = onnx.helper.make_node("Cast", [name], [f"{name}.float"], to=onnx.TensorProto.FLOAT)
        turned = onnx.helper.make_node("Transpose", [f"{name}.float"], [tensor.name], perm=[1, 0])
        graph.node.insert(0, turned)
        graph.node.insert(0, cast)


def _forget_origin(graph: onnx.GraphProto) -> None:
    """Drop what the exporter notes of the source, such as stack traces with paths, and inferred shapes."""
    del graph.value_info[:]
    del graph.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _forget_origin(attribute.g)
