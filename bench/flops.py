"""FLOPs of spaCy's small English model for a sentence, from the shapes of its own weights.

Counted as posmoe's own are: a multiply and an add count one each, lookups are free. The layers' small change (norms,
maxout's comparisons, softmax) is left out, in spaCy's favour. The shapes are those of en_core_web_sm 3.8.0; a test
compares them with the installed model's.
"""

from math import prod

# layer → shape of its weights
TOK2VEC_MIX = (96, 3, 576)  # six embeddings of 96 to 96 channels, maxout of 3
TOK2VEC_WINDOW = (96, 3, 288)  # a word and its neighbours, four times
TAGGER = (50, 96)
PARSER_REDUCE = (64, 96)
PARSER_LOWER = (8, 64, 2, 64)  # computed once a word for each of 8 places in the parser's state
PARSER_UPPER = (106, 64)  # scores of the transitions
WINDOW_LAYERS = 4
TRANSITIONS = 2  # of a word: one puts it on the stack, one takes it off


def spacy_flops(words: int = 20) -> dict[str, int]:
    """FLOPs by layer of tok2vec, tagger and parser for a sentence of `words` words, and their sum under `total`."""
    layers = {
        "tok2vec: embedding mix": 2 * prod(TOK2VEC_MIX) * words,
        "tok2vec: window layers": WINDOW_LAYERS * 2 * prod(TOK2VEC_WINDOW) * words,
        "tagger": 2 * prod(TAGGER) * words,
        "parser: reduce": 2 * prod(PARSER_REDUCE) * words,
        "parser: lower layer": 2 * prod(PARSER_LOWER) * words,
        "parser: upper layer": 2 * prod(PARSER_UPPER) * TRANSITIONS * words,
    }
    return layers | {"total": sum(layers.values())}


def weights() -> list[tuple[int, ...]]:
    """Shapes of all weights that are counted, as often as the model holds them."""
    return [TOK2VEC_MIX, *[TOK2VEC_WINDOW] * WINDOW_LAYERS, TAGGER, PARSER_REDUCE, PARSER_LOWER, PARSER_UPPER]
