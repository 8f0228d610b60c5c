"""A smaller model without training: fewer words with rows of their own."""

from dataclasses import replace

import torch

from posmoe_export.errors import ExportError
from posmoe_models import Parser
from posmoe_models.lexicon import Lexicon
from posmoe_train.checkpoint import Student


def keep_words(student: Student, words: int) -> Student:
    """Keep the rows of the most frequent words; the others share the remainder's rows, as unknown words do.

    Raises:
        ExportError: the student has fewer words, or `words` is below 1.
    """
    features = student.parser.config.features
    if not 1 <= words <= features.words:
        raise ExportError(f"words: expected 1 to {features.words}, as many as the student has, got {words}")
    parser: Parser = student.parser
    lexicon = parser.lexicon
    assert isinstance(lexicon, Lexicon)
    first = 2  # padding and dropped word
    table = lexicon.table.detach()
    lexicon.table = torch.nn.Parameter(torch.cat([table[: first + words], table[first + features.words :]]))
    lexicon.features = replace(features, words=words)
    parser.config = replace(parser.config, features=lexicon.features)
    return replace(student, keys=student.keys[:words])
