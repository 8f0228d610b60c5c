"""posmoe_train."""
