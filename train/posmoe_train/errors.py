"""What training refuses, and why."""


class TrainError(Exception):
    """Base of the errors of training."""


class CheckpointError(TrainError, ValueError):
    """A checkpoint or pretrained model that is missing, cut short or of another version."""


class CorpusError(TrainError, ValueError):
    """A prepared corpus whose files don't fit together."""


class DivergedError(TrainError, ArithmeticError):
    """The loss is no number any more."""


class OutOfMemoryError(TrainError, MemoryError):
    """Neither the batch nor half of it fits into the memory."""
