"""Scores of a parser on a treebank, after the CoNLL 2018 shared task's definitions."""
