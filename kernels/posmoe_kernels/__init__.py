"""posmoe_kernels."""
