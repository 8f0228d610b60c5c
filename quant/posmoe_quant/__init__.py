"""Quantised forms of the models: one verb, `quantize_(model, Int8Config())`."""

from posmoe_quant.config import Int8Config
from posmoe_quant.quantize import calibrate_, freeze, is_calibrated, is_quantised, parser_int8, quantize_, round_

__all__ = [
    "Int8Config",
    "calibrate_",
    "freeze",
    "is_calibrated",
    "is_quantised",
    "parser_int8",
    "quantize_",
    "round_",
]
