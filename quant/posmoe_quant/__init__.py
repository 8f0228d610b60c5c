"""posmoe_quant."""
