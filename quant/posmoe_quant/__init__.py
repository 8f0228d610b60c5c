"""Quantised forms of the models: one verb, `quantize_(model, Config())`."""

from posmoe_quant.config import BallConfig as BallConfig
from posmoe_quant.config import Config as Config
from posmoe_quant.config import Float16Config as Float16Config
from posmoe_quant.config import Fp8Config as Fp8Config
from posmoe_quant.config import Int4Config as Int4Config
from posmoe_quant.config import Int8Config as Int8Config
from posmoe_quant.config import config_from_dict as config_from_dict
from posmoe_quant.quantize import calibrate_ as calibrate_
from posmoe_quant.quantize import for_parser as for_parser
from posmoe_quant.quantize import freeze as freeze
from posmoe_quant.quantize import is_calibrated as is_calibrated
from posmoe_quant.quantize import is_quantised as is_quantised
from posmoe_quant.quantize import parser_int8 as parser_int8
from posmoe_quant.quantize import quantize_ as quantize_
from posmoe_quant.quantize import round_ as round_

__all__ = [
    "BallConfig",
    "Config",
    "Float16Config",
    "Fp8Config",
    "Int4Config",
    "Int8Config",
    "calibrate_",
    "config_from_dict",
    "for_parser",
    "freeze",
    "is_calibrated",
    "is_quantised",
    "parser_int8",
    "quantize_",
    "round_",
]
