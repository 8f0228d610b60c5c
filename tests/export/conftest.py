"""What `tests.quiet` sets up holds for this folder; the same network is exported once, as that takes ten seconds."""

import copy
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import torch

import tests.quiet as quiet

if TYPE_CHECKING:
    import onnx

    from posmoe_models import Parser

assert quiet.geoopt


@pytest.fixture(scope="session", autouse=True)
def exports() -> Iterator[None]:
    """Bundles and graphs of an equal network get a copy of its first graph."""
    from posmoe_export.graph import OPSET, export_graph

    made: dict[Any, onnx.ModelProto] = {}

    def once(parser: "Parser", opset: int = OPSET, **options: bool) -> "onnx.ModelProto":
        state = hashlib.sha256(repr(parser).encode())
        for name, tensor in parser.state_dict().items():
            state.update(name.encode() + tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        key = (state.hexdigest(), parser.config, opset, *options.items())
        if key not in made:
            made[key] = export_graph(parser, opset, **options)
        return copy.deepcopy(made[key])

    with pytest.MonkeyPatch.context() as patch:
        for module in ("bundle", "cast", "tensorrt"):
            patch.setattr(f"posmoe_export.{module}.export_graph", once)
        yield
