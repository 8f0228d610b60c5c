"""posmoe_export."""
