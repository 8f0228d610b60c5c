"""Set-up of the tests that train: one thread, and imports that warn without their warnings."""

import warnings

import torch

with warnings.catch_warnings():
    # geoopt 0.5 compiles a helper with torch.jit.script when it is imported, which torch 2.9 and later deprecates
    warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
    import geoopt as geoopt

# networks of a few hundred weights: more threads only wait for each other
torch.set_num_threads(1)
