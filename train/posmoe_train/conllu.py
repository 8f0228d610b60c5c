"""Treebanks, as the runtime reads them for its own evaluation."""

from posmoe.evaluation.treebank import UPOS as UPOS
from posmoe.evaluation.treebank import Sentence as Sentence
from posmoe.evaluation.treebank import Token as Token
from posmoe.evaluation.treebank import TreebankError as TreebankError
from posmoe.evaluation.treebank import parse_treebank as parse_treebank
from posmoe.evaluation.treebank import raw_text as raw_text
from posmoe.evaluation.treebank import read_treebank as read_treebank
from posmoe.evaluation.treebank import to_conllu as to_conllu
