"""Where there is no GPU, Triton's kernels run in its interpreter: a setting that it reads once, when first imported."""

import os
from pathlib import Path

if not Path("/dev/nvidiactl").exists():
    os.environ["TRITON_INTERPRET"] = "1"
