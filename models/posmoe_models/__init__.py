"""The parser's PyTorch modules."""

from posmoe_models.config import FeatureConfig as FeatureConfig
from posmoe_models.config import ParserConfig as ParserConfig
from posmoe_models.flops import flops as flops
from posmoe_models.parser import Parser as Parser
from posmoe_models.parser import Scores as Scores
from posmoe_models.parser import fuse as fuse

__all__ = ["FeatureConfig", "Parser", "ParserConfig", "Scores", "flops", "fuse"]
