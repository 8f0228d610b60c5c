"""The network as an ONNX graph: feature identifiers in, heads, labels and tags out, in one graph."""

import copy
import warnings

import onnx
import torch

from posmoe_models import Parser
from posmoe_models.config import FEATURES_PER_WORD
from posmoe_models.lexicon import Lexicon, QuantisedLexicon
from posmoe_models.parser import Scores

OPSET = 20


def exportable(parser: Parser) -> Parser:
    """A copy for inference whose table is INT8 rows with a scale each."""
    parser = copy.deepcopy(parser).cpu().eval().requires_grad_(False)
    if isinstance(parser.lexicon, Lexicon):
        parser.lexicon = QuantisedLexicon(parser.lexicon)
    return parser


def export_graph(parser: Parser, opset: int = OPSET) -> onnx.ModelProto:
    """Export a parser with dynamic batch and length.

    Args:
        parser: as `exportable` gives it.
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
    return model


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
