"""A model's card in Markdown: what it is, what it was trained on, what it is for, and what it gets wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posmoe.bundle import Bundle
from posmoe.evaluation.tables import Row
from posmoe_train.compare import as_markdown
from posmoe_train.conllu import Sentence
from posmoe_train.report import Report, report

_SECTIONS = {
    "genre": (
        "Genres",
        "What stands before the first hyphen of a sentence's identifier. Scores in percent, on gold tokens, as the "
        "CoNLL 2018 shared task counts: punctuation counts, subtypes of relations do not.",
    ),
    "relation": (
        "Relations",
        "By the gold relation of a word: how often head, head and relation, and tag are right.",
    ),
    "length": ("Sentence lengths", "By the number of words of the sentence."),
    "tag_errors": (
        "Confused tags",
        "The commonest wrong parts of speech. Examples are of the treebank of the scores; the word is in bold.",
    ),
    "label_errors": ("Confused relations", "The commonest wrong relations of rightly attached words."),
    "head_errors": ("Wrong heads", "The relations whose words are attached wrongly most often, and to what."),
}


def model_card(bundle: Path, gold: Sequence[Sentence]) -> str:
    """A bundle's card on a treebank's gold tokens.

    Args:
        bundle: the model; its manifest tells data, licence and scores from raw text.
        gold: sentences that the model was not trained on.
    """
    manifest = Bundle.load(bundle).manifest
    found = report(bundle, gold)
    parts = [f"# {manifest['name']} {manifest['version']}", _what(manifest), _data(manifest), _use(manifest)]
    for name in ("genre", "relation", "length"):
        parts.append(section(*_SECTIONS[name], getattr(found, name)))
    parts.append(_calibration(found))
    parts.append("## What it gets wrong")
    for name in ("tag_errors", "label_errors", "head_errors"):
        parts.append(section(*_SECTIONS[name], getattr(found, name), level=3))
    return "\n\n".join(part for part in parts if part) + "\n"


def section(title: str, text: str, rows: Sequence[Row], level: int = 2) -> str:
    """A heading, a sentence and a table; nothing where there are no rows."""
    return f"{'#' * level} {title}\n\n{text}\n\n{as_markdown(rows)}" if rows else ""


def _what(manifest: Mapping[str, Any]) -> str:
    scores, constants = manifest["metrics"], manifest["constants"]
    size = sum(file["bytes"] for file in manifest["files"].values()) / 1e6
    arithmetic = {"int8": "8-bit integers", "float32": "32-bit floats"}[constants.get("arithmetic", "float32")]
    lines = [
        f"A dependency parser for `{manifest['language']}`: raw text to tokens, sentences, parts of speech, heads and "
        f"relations after Universal Dependencies. Licence: {manifest['licence']}.",
        as_markdown(
            [
                {"": "floating-point operations, 20 words", " ": f"{manifest['flops']['total_20']:,}"},
                {"": "parameters outside the table of word features", " ": f"{constants['dense_params']:,}"},
                {"": "parameters of the table, 8 bits each", " ": f"{constants['table_params']:,}"},
                {"": "linear layers computed in", " ": arithmetic},
                {"": "experts, and those a word goes to", " ": f"{constants['experts']}, {constants['k']}"},
                {"": "size on disk", " ": f"{size:.1f} MB"},
            ]
        ),
    ]
    if {"uas", "las", "upos", "raw_words", "raw_sentences", "raw_uas", "raw_las"} <= scores.keys():
        lines.append(
            f"On the development treebank, in percent: UAS {scores['uas']:.1f}, LAS {scores['las']:.1f} and UPOS "
            f"{scores['upos']:.1f} on gold tokens; from raw text words {scores['raw_words']:.1f}, sentences "
            f"{scores['raw_sentences']:.1f}, UAS {scores['raw_uas']:.1f} and LAS {scores['raw_las']:.1f}."
        )
    return "\n\n".join(lines)


def _data(manifest: Mapping[str, Any]) -> str:
    rows = [
        {
            "data": entry["name"],
            "words": f"{entry['words']:,}" if entry.get("words") else "",
            "licence": entry["licence"],
            "used for": entry.get("use", ""),
        }
        for entry in manifest["training_data"]
    ]
    return section("Training data", "As its maker states them.", rows)


def _use(manifest: Mapping[str, Any]) -> str:
    language = manifest["language"]
    return "\n\n".join(
        [
            "## Use",
            f"Meant for running text in `{language}` of the kinds that its treebank holds, where many trees are "
            "wanted fast: corpus studies, features for other programs, search. Its trees are predictions. Where a "
            "single wrong one does harm, have a person look at it, or at the arcs that the model is unsure of.",
            "Not meant for other languages, nor for judging people by how they write. Text that differs from the "
            "treebank's, such as verse, tables, code or transcribed speech, is parsed worse, and the tables below "
            "cannot say by how much.",
        ]
    )


def _calibration(found: Report) -> str:
    sure = found.sure
    text = (
        "The confidence of an arc is the softmax of its word's arc scores. "
        f"Of the {sure['words']:,} arcs with a confidence of 90 % or more ({sure['share']:.0f} % of all), "
        f"**{sure['right']:.1f} %** are right; their mean confidence is {sure['confidence']:.1f} %. Over all arcs "
        f"confidence and accuracy differ by {sure['error']:.1f} points in the mean (expected calibration error over "
        "the rows below)."
    )
    return section("Are 90 % arcs right 90 % of the time?", text, found.calibration)
