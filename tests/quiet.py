"""Imports that warn, once, without their warnings: nothing that this repository could change."""

import warnings

with warnings.catch_warnings():
    # geoopt 0.5 compiles a helper with torch.jit.script when it is imported, which torch 2.9 and later deprecates
    warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
    import geoopt as geoopt
