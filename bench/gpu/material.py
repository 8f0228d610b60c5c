"""What a visit runs on: the shipped model, and words and trees of EWT's dev part and of held-out reviews."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

import posmoe
from bench import data
from posmoe.bundle import Bundle, find
from posmoe.engines import native
from posmoe.tokens import words_of_tokens

LENGTH = 20


class Material:
    """Loaded when first asked for."""

    @cached_property
    def bundle(self) -> Bundle:
        """en-edge."""
        return Bundle.load(find(None))

    @cached_property
    def native(self) -> posmoe.Parser:
        """The engine that all trees are compared with."""
        return posmoe.load(backend="native")

    @cached_property
    def shape(self) -> Any:
        """Sizes as the kernels take them."""
        from posmoe_kernels.network import Shape

        constants, _ = native.contents(self.bundle)
        return Shape(**{name: constants[name] for name in Shape._fields})

    @cached_property
    def weights(self) -> Any:
        """Tensors on the device."""
        from posmoe_kernels.network import weights

        constants, tensors = native.contents(self.bundle)
        return weights(self.shape, tensors, constants["root"], "cuda")

    @cached_property
    def dev(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Identifiers and sentence offsets of EWT's dev part, its own words."""
        sentences = [[(form, [form], True) for form in sentence.forms] for sentence in data.dev()]
        words = words_of_tokens(sentences)
        return self.native._features(words), words.sentences.astype(np.int64)

    @cached_property
    def texts(self) -> list[str]:
        """Held-out reviews, about 900,000 words."""
        return data.text("long")

    @cached_property
    def running(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Identifiers and sentence offsets of the held-out reviews."""
        words = [self.native._tokenizer(text, False) for text in self.texts]
        offsets = np.concatenate([part.sentences[:-1] + start for part, start in zip(
            words, np.cumsum([0, *(len(part) for part in words[:-1])]), strict=True)])  # fmt: skip
        ids = np.concatenate([self.native._features(part) for part in words])
        return ids, np.append(offsets, len(ids)).astype(np.int64)

    def batch(self, sentences: int, seed: int = 0) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """So many sentences of 20 running words of the reviews, from a place that depends on the seed."""
        ids, _ = self.running
        size = sentences * LENGTH
        start = seed * 7919 * LENGTH % max(1, len(ids) - size)
        return np.ascontiguousarray(ids[start : start + size]), np.arange(0, size + 1, LENGTH, dtype=np.int64)


def pytorch_parser(bundle: Bundle) -> Any:
    """The bundle's network as posmoe_models' frozen INT8 module, from which its graph was exported."""
    import torch

    from posmoe_models import FeatureConfig, Parser, ParserConfig
    from posmoe_quant import freeze, parser_int8, quantize_
    from posmoe_quant.linear import QuantisedLinear

    constants = bundle.manifest["constants"]
    own = {name: constants[name] for name in ParserConfig.__dataclass_fields__ if name in constants}
    config = ParserConfig(**own, labels=len(bundle.labels), features=FeatureConfig(**bundle.manifest["features"]))
    parser = quantize_(Parser(config), parser_int8(config))
    for module in parser.modules():
        if isinstance(module, QuantisedLinear):
            module.step.value.fill_(1.0)
    parser = freeze(parser)
    state = {}
    for name, value in parser.state_dict().items():
        stored = "experts.step" if name.startswith("experts.") and name.endswith(".step") else name
        tensor = torch.from_numpy(np.array(bundle.tensors[stored]))
        state[name] = tensor.reshape(value.shape) if tensor.shape == value.shape else tensor.T.reshape(value.shape)
    parser.load_state_dict(state)
    return parser.eval()
