"""Where the Triton kernels of the tests run: on a GPU where there is one, else through Triton's interpreter on the CPU.

Import this before a module of kernels: Triton reads its setting when they are defined.
"""

import os
from importlib.util import find_spec

import pytest
import torch

if find_spec("triton") is None:
    pytest.skip("triton is not installed: pip install triton", allow_module_level=True)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
os.environ.setdefault("POSMOE_TUNING", "0")  # one choice of warps is enough here
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"
