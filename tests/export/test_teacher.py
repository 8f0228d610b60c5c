"""A teacher on a small encoder as a bundle: equal to PyTorch, parsed by the runtime, and what is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import posmoe
from posmoe.bundle import Bundle, find
from posmoe.engines import ENGINES, SUBWORDS, choose
from posmoe.errors import BundleError, EngineError, LongSentenceWarning, MissingExtraError
from posmoe.subwords import load_subwords, pack
from posmoe_export import ExportError
from posmoe_export.network import parser_config
from posmoe_export.teacher import NamedArcs, export_teacher
from posmoe_export.teacher_parity import compare_teacher
from posmoe_train.conllu import Sentence, read_treebank
from posmoe_train.corpus import Corpus
from posmoe_train.errors import CheckpointError
from posmoe_train.teacher import SubWords
from posmoe_train.teacher_run import load_teacher
from posmoe_train.tokenizer import save_tokenizer
from tests.export.described import about
from tests.train.encoders import CONFIG, CPU, train, write_encoder
from tests.train.treebank import write_treebank

pytestmark = pytest.mark.timeout(240)  # torch.onnx.export takes its time, more on a busy machine
SENTENCES = [["Birds", "sing", "."], ["Yes"], ["We", "met", "unbelievably", "lazy", "dogs", "12", "."]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A trained teacher, what it was made of, and its bundle."""
    root = tmp_path_factory.mktemp("teacher")
    encoder, treebank = write_encoder(root / "encoder"), write_treebank(root / "tiny.conllu", repeat=3)
    train(replace(CONFIG, epochs=6), (encoder, treebank), root / "run")
    english = Bundle.load(find())
    save_tokenizer(english.manifest["tokenizer"], english.tensors["tokenizer.weights"], root / "words")
    found = {"encoder": encoder, "run": root / "run", "words": root / "words", "gold": treebank}
    return found | {"bundle": export(found, root / "bundle")}


def export(files: dict[str, Path], out: Path, **changes: Any) -> Path:
    options = {"encoder": files["encoder"], "tokenizer": files["words"], "about": about()["about"]}
    return export_teacher(files["run"], out, **options | {"dev": read_treebank(files["gold"])[:8]} | changes)


@pytest.fixture(scope="module")
def nlp(files: dict[str, Path]) -> posmoe.Parser:
    return posmoe.load(files["bundle"])


def test_the_bundle_says_what_it_is(files: dict[str, Path], nlp: posmoe.Parser) -> None:
    bundle = nlp.bundle
    assert set(bundle.manifest["files"]) == {"model.onnx", "tokenizer.json", "weights.safetensors"}
    assert bundle.manifest["features"]["version"] == 2
    assert bundle.max_sentence == 126
    assert nlp.engine.name == "onnxruntime"
    assert "native can't run this bundle (it reads sub-words" in nlp.engine.reason
    metrics = json.loads((files["bundle"] / "metrics.json").read_text())
    assert metrics["parity"]["onnxruntime"]["equal"] == 1
    assert metrics["parity"]["onnxruntime"]["words"] == sum(map(len, read_treebank(files["gold"])[:8]))
    assert metrics["parity"]["onnxruntime"]["logit_error"] < 1e-4
    assert bundle.manifest["metrics"]["las"] == metrics["dev"]["gold_tokens"]["las"] > 0


def test_words_are_packed_as_in_training(files: dict[str, Path], nlp: posmoe.Parser) -> None:
    corpus = Corpus.build(SENTENCES)
    mask = torch.arange(7) < torch.tensor([3, 1, 7])[:, None]
    words = torch.zeros(3, 7, dtype=torch.long)
    words[mask] = torch.from_numpy(corpus.words).long()
    trained = SubWords.build(corpus.forms, files["encoder"] / "tokenizer.json", CPU).batch(words, mask)
    features = np.zeros((3, 7, 8), np.int32)
    for row, sentence in enumerate(SENTENCES):
        features[row, : len(sentence)] = load_subwords(nlp.bundle).ids(sentence)
    pieces, first = pack(features, np.array([3, 1, 7]), nlp.bundle.manifest["features"])
    width = pieces.shape[1]
    assert np.array_equal(pieces, trained[0][:, :width])
    assert (trained[0][:, width:] == 1).all()
    assert np.array_equal(first, trained[2])


def test_a_sentence_beyond_the_encoder_keeps_every_words_beginning(nlp: posmoe.Parser) -> None:
    spec = nlp.bundle.manifest["features"] | {"positions": 11}
    features = np.zeros((2, 6, 8), np.int32)
    features[0, :, 0], features[0, 2, 1:], features[0, 4, 1:3] = np.arange(10, 16), np.arange(20, 27), [30, 31]
    features[1, 0, :3] = [40, 41, 42]
    pieces, first = pack(features, np.array([6, 1]), spec)
    assert pieces[0].tolist() == [0, 9, 10, 11, 19, 12, 13, 29, 14, 2]
    assert pieces[1].tolist() == [0, 39, 40, 41, 2, *[1] * 5]
    assert first.tolist() == [[1, 2, 3, 5, 6, 8], [1, 0, 0, 0, 0, 0]]
    every = features.copy()
    every[0] = 7
    assert pack(every, np.array([6, 1]), spec | {"positions": 8})[0][0].tolist() == [0, *[6] * 6, 2]


def test_trees_and_relations_are_the_teachers(files: dict[str, Path], nlp: posmoe.Parser) -> None:
    network = NamedArcs(*load_teacher(files["run"])).eval()
    sentences = read_treebank(files["gold"])
    parity = compare_teacher(network, nlp.bundle, sentences)
    words = sum(map(len, sentences))
    assert (parity.words, parity.heads, parity.labels, parity.tags, parity.candidates) == (words,) * 5
    document = nlp.parse_tokens(SENTENCES)
    assert [len(sentence) for sentence in document] == [3, 1, 7]
    for sentence in document:
        heads, relations = sentence.tree()
        assert heads.count(0) == 1
        assert [head == 0 for head in heads] == [relation == "root" for relation in relations]
    alone = [nlp.parse_tokens([sentence])[0].tree() for sentence in SENTENCES]
    assert alone == [sentence.tree() for sentence in document]


def test_text_ranking_known_tags_and_long_sentences(nlp: posmoe.Parser) -> None:
    first, second = nlp("Birds sing. The cat sleeps on the chair.")
    assert ([token.text for token in first], len(second)) == (["Birds", "sing", "."], 7)
    best, *others = nlp.k_best(["Birds", "sing", "."], 9)
    assert (best.heads, best.deprels) == nlp.parse_tokens([["Birds", "sing", "."]])[0].tree()
    assert best.probability is not None
    assert best.probability + sum(tree.probability or 0 for tree in others) == pytest.approx(1, abs=1e-4)
    assert nlp.parse_tokens([["Yes", "!"]], [["NOUN", None]])[0][0].upos == "NOUN"
    assert list(nlp.pipe([""])) != []
    with pytest.warns(LongSentenceWarning, match="bound of 126 words"):
        (long,) = nlp.parse_tokens([["Bartholomew"] * 300])
    assert len(long) == 300


def test_other_engines_refuse_it_by_name(files: dict[str, Path], nlp: posmoe.Parser) -> None:
    for engine in ENGINES.keys() - SUBWORDS:
        with pytest.raises(EngineError, match=rf"'{engine}' can't run .*sub-words.* Take backend='onnxruntime'"):
            posmoe.load(files["bundle"], backend=engine)
    assert choose("onnxruntime", nlp.bundle).name == "onnxruntime"
    with pytest.raises(ExportError, match=r"it is a teacher's, which is kept in float32 for ONNX Runtime alone"):
        parser_config(nlp.bundle)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, files: dict[str, Path]) -> None:
    monkeypatch.setattr("posmoe.subwords.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pos-moe-parser\[teacher\]'"):
        posmoe.load(files["bundle"])


def altered(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The bundle with another manifest, whose digest is right."""
    from posmoe_export.bundle import file_record, stamped, write_json

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.pop("digest")
    change(manifest)
    for name in manifest["files"]:
        manifest["files"][name] = file_record(folder / name)
    write_json(folder / "manifest.json", stamped(manifest))
    return folder


def test_a_bundle_at_odds_with_itself_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(files["bundle"], folder)
    other = write_encoder(tmp_path / "other") / "tokenizer.json"
    described = json.loads(other.read_text())
    described["model"]["vocab"]["more"] = len(described["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(described))
    with pytest.raises(BundleError, match=r"tokenizer.json was cut short or altered"):
        posmoe.load(folder)
    altered(folder, lambda manifest: None)
    with pytest.raises(BundleError, match=r"tokenizer.json is another encoder's: expected 114 sub-words, got 115"):
        posmoe.load(folder)
    altered(folder, lambda manifest: manifest["features"].update(vocabulary=115))
    with pytest.raises(BundleError, match=r"the graph doesn't run on a feature table of 116 rows"):
        posmoe.load(folder)
    (folder / "tokenizer.json").write_text("{}")
    altered(folder, lambda manifest: None)
    with pytest.raises(BundleError, match=r"tokenizer.json is none that the package tokenizers reads"):
        posmoe.load(folder)
    altered(folder, lambda manifest: manifest["files"].pop("tokenizer.json"))
    with pytest.raises(BundleError, match=r"expected tokenizer.json among its files, it is missing"):
        posmoe.load(folder)
    altered(folder, lambda manifest: manifest["features"].update(padding=115))
    with pytest.raises(BundleError, match=r"expected features.padding to be one of 115 sub-words, got 115"):
        posmoe.load(folder)
    altered(folder, lambda manifest: manifest["features"].update(padding=1, pieces=0))
    with pytest.raises(BundleError, match=r"expected features.pieces from 1 to 64"):
        posmoe.load(folder)
    altered(folder, lambda manifest: manifest["features"].pop("pieces"))
    with pytest.raises(BundleError, match=r"expected features.pieces to be a whole number, got None"):
        posmoe.load(folder)


def test_teachers_that_cannot_be_exported_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    gold: list[Sentence] = []
    with pytest.raises(CheckpointError, match=r"expected model.safetensors of MPNet, which is missing"):
        export(files, tmp_path / "out", encoder=tmp_path, dev=gold)
    encoder = tmp_path / "encoder"
    shutil.copytree(files["encoder"], encoder)
    config = json.loads((encoder / "config.json").read_text())
    (encoder / "config.json").write_text(json.dumps(config | {"hidden_size": 16}))
    with pytest.raises(ExportError, match=r"expected the encoder of the teacher, .*'hidden_size': 8.* got .*16"):
        export(files, tmp_path / "out", encoder=encoder, dev=gold)
    (encoder / "config.json").write_text(json.dumps(config))
    described = json.loads((encoder / "tokenizer.json").read_text())
    vocabulary = described["model"]["vocab"]
    vocabulary["<s>"], vocabulary["<pad>"] = 1, 0
    (encoder / "tokenizer.json").write_text(json.dumps(described))
    with pytest.raises(ExportError, match=r"expected 114 sub-words with .*'<s>': 0.* got 114 with .*'<s>': 1"):
        export(files, tmp_path / "out", encoder=encoder, dev=gold)
    run = tmp_path / "run"
    shutil.copytree(files["run"], run)
    weights = load_file(run / "teacher.safetensors")
    for name, value, message in (
        ("arc.weight", torch.zeros_like(weights["arc.weight"]), "was not trained: its arc.weight is zero"),
        ("tag.bias", torch.full_like(weights["tag.bias"], torch.nan), "tag.bias has numbers that are not finite"),
    ):
        save_file(weights | {name: value}, run / "teacher.safetensors")
        with pytest.raises(ExportError, match=message):
            export(files | {"run": run}, tmp_path / "out", dev=gold)
    assert not (tmp_path / "out").exists()
