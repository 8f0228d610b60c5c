"""Readers of input in constant memory: plain text in blocks, CoNLL-U by the sentence."""
