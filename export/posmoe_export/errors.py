"""What export refuses, and why."""


class ExportError(ValueError):
    """A network that doesn't fit what belongs to it, or a place that must not be overwritten."""
