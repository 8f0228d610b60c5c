"""posmoe_models."""
