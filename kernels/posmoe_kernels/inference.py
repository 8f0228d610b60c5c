"""What an engine needs to run a quantised parser on a GPU; importing this imports Triton."""

from posmoe_kernels.forward import Capacity as Capacity
from posmoe_kernels.forward import Forward as Forward
from posmoe_kernels.forward import fill as fill
from posmoe_kernels.forward import host_blocks as host_blocks
from posmoe_kernels.network import Shape as Shape
from posmoe_kernels.network import weights as weights
from posmoe_kernels.packed import LARGE as LARGE
