"""The C library: the same trees as Python, and an error code for whatever is not right."""

import lzma
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from ctypes import byref, c_char_p, c_int32, c_size_t, c_void_p, string_at
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import posmoe
from posmoe.bundle import find
from posmoe.engines import Scores as EngineScores
from posmoe.errors import LongSentenceWarning
from posmoe.writers import Place, jsonl
from tests.core import c_library as c
from tests.core.c_library import Columns, Info, Library, Scores
from tests.paths import ROOT, shared

HEADER = ROOT / "runtime" / "core" / "posmoe.h"
TEXT = "naïve façade – 東京 isn't large. 😀 Gonna go?\n\nDon't."


@pytest.fixture(scope="module")
def library() -> Library:
    return Library()


@pytest.fixture(scope="module")
def model(library: Library) -> Iterator[c_void_p]:
    model = library.load(find())
    yield model
    library.do("free_model", model)


@pytest.fixture(scope="module")
def nlp() -> posmoe.Parser:
    return posmoe.load(backend="native")


@pytest.fixture(scope="module")
def treebank() -> list[list[list[str]]]:
    """The rows of the sentences of EWT dev."""
    text = lzma.decompress(shared("data", "ewt", "dev.conllu.xz").read_bytes()).decode()
    blocks = [[row.split("\t") for row in block.split("\n") if "\t" in row] for block in text.split("\n\n")]
    return [[row for row in block if row[0].isdecimal()] for block in blocks if block]


def array(pointer: Any, size: int) -> list[int]:
    return list(pointer[:size])


# ---- the same as Python ----


def test_raw_text_gives_the_trees_of_python(
    library: Library, model: c_void_p, nlp: posmoe.Parser, treebank: list[list[list[str]]]
) -> None:
    texts = [" ".join(row[1] for row in rows) for rows in treebank]
    texts += ["\n".join(texts), "\n\n".join(texts[:500]), TEXT, "", " \n "]
    for text, flags in [(text, 0) for text in texts] + [(texts[-4], c.LINES)]:
        (document,) = library.parse(model, [text.encode()], flags)
        expected = nlp._texts([text], bool(flags))[0]
        assert library.written(document).decode() == expected.to_conllu()
        library.do("free_document", document)


def test_many_texts_at_once_are_as_one_by_one(library: Library, model: c_void_p, nlp: posmoe.Parser) -> None:
    texts = [TEXT, "", "He waved.", TEXT * 3]
    documents = library.parse(model, [text.encode() for text in texts])
    for text, document in zip(texts, documents, strict=True):
        assert library.written(document).decode() == nlp(text).to_conllu()
        assert library.written(document, 1, first=7).decode() == jsonl(nlp(text), Place(first=7)).decode()
        library.do("free_document", document)


def test_given_words_and_tags_are_as_in_python(
    library: Library, model: c_void_p, nlp: posmoe.Parser, treebank: list[list[list[str]]]
) -> None:
    sentences = [[row[1] for row in rows] for rows in treebank]
    tags = [[row[3] if number % 2 else None for number, row in enumerate(rows)] for rows in treebank]
    words = [word.encode() for sentence in sentences for word in sentence]
    known = [-1 if tag is None else nlp.bundle.tags.index(tag) for row in tags for tag in row]
    ends = np.cumsum([len(sentence) for sentence in sentences]).tolist()
    for given, expected in (
        (None, nlp.parse_tokens(sentences)),
        ((c_int32 * len(known))(*known), nlp.parse_tokens(sentences, upos=tags)),
    ):
        document = c_void_p()
        arguments = ((c_char_p * len(words))(*words), (c_size_t * len(ends))(*ends), len(ends), given)
        library.do("parse_words", model, *arguments, byref(document))
        assert library.written(document).decode() == expected.to_conllu()
        library.do("free_document", document)


def test_columns_are_those_of_python(library: Library, model: c_void_p, nlp: posmoe.Parser) -> None:
    (document,) = library.parse(model, [TEXT.encode()])
    columns, expected = library.columns(document), nlp(TEXT)
    arrays, words = expected.arrays(), expected.analysis.words
    n = columns.words
    assert (n, columns.sentences, columns.cut) == (len(words), len(expected), 0)
    assert string_at(columns.text, columns.text_size + 1) == TEXT.encode() + b"\0"
    assert [string_at(columns.forms + columns.form[i]).decode() for i in range(n)] == words.forms()
    assert array(columns.upos, n) == arrays.upos.tolist()
    assert array(columns.head, n) == arrays.heads.tolist()
    assert array(columns.deprel, n) == arrays.deprels.tolist()
    assert array(columns.start_point, n) == words.start.tolist()
    assert array(columns.end_point, n) == words.end.tolist()
    assert array(columns.token, n) == words.token.tolist()
    assert array(columns.sentence, len(expected) + 1) == words.sentences.tolist()
    assert array(columns.token_start_point, columns.tokens) == words.token_start.tolist()
    assert array(columns.token_end_point, columns.tokens) == words.token_end.tolist()
    assert array(columns.space_after, columns.tokens) == words.space_after.tolist()
    for points, bytes_ in (
        (columns.start_point, columns.start),
        (columns.end_point, columns.end),
    ):
        assert [len(TEXT[: points[i]].encode()) for i in range(n)] == array(bytes_, n)
    ranges = [columns.token_word[t + 1] - columns.token_word[t] for t in range(columns.tokens)]
    assert sum(ranges) == n and max(ranges) == 2
    assert columns.tag_names[columns.upos[0]].decode() == expected[0][0].upos
    library.do("free_document", document)


def test_columns_stay_when_the_model_is_freed(library: Library) -> None:
    model = library.load(find())
    (document,) = library.parse(model, [b"He waved."])
    library.do("free_model", model)
    columns = library.columns(document)
    assert columns.deprel_names[columns.deprel[1]] == b"root"
    library.do("free_document", document)


def test_an_older_structure_gets_what_it_knows(library: Library, model: c_void_p) -> None:
    (document,) = library.parse(model, [b"He waved."])
    columns = Columns()
    columns.struct_size = Columns.sentences.offset
    columns.cut = 99
    library.do("read", document, byref(columns))
    assert (columns.words, columns.cut) == (3, 99)
    library.do("free_document", document)


def test_the_model_is_told(library: Library, model: c_void_p, nlp: posmoe.Parser) -> None:
    info = Info()
    library.do("model_info", model, byref(info))
    assert (info.name.decode(), info.version.decode()) == (nlp.bundle.name, nlp.bundle.version)
    assert [name.decode() for name in info.tag_names[: info.tags]] == list(nlp.bundle.tags)
    assert [name.decode() for name in info.deprel_names[: info.deprels]] == list(nlp.bundle.labels)
    assert info.max_sentence == nlp.bundle.max_sentence
    assert info.instruction_set and not info.refusal
    assert library.c.posmoe_version().decode() == posmoe.__version__
    assert f"#define POSMOE_ABI {library.c.posmoe_abi()}\n" in HEADER.read_text()


def test_bytes_that_are_no_text_may_be_repaired(library: Library, model: c_void_p, nlp: posmoe.Parser) -> None:
    (document,) = library.parse(model, [b"caf\xe9 is open. \xff"], c.REPAIR)
    assert library.written(document).decode() == nlp("caf\ufffd is open. \ufffd").to_conllu()
    library.do("free_document", document)


def test_files_in_memory_are_a_bundle(library: Library, nlp: posmoe.Parser) -> None:
    folder = find()
    files = [(name, (folder / name).read_bytes()) for name in ("manifest.json", "weights.safetensors")]
    given = c.files(files)
    model = c_void_p()
    library.do("load_files", given, 2, byref(model))
    (document,) = library.parse(model, [TEXT.encode()])
    assert library.written(document).decode() == nlp(TEXT).to_conllu()
    library.do("free_document", document)
    library.do("free_model", model)
    assert library.call("load_files", given, 1, byref(model)) == c.BUNDLE
    assert "weights.safetensors is missing" in library.error()


def test_threads_share_a_model(library: Library, model: c_void_p, nlp: posmoe.Parser) -> None:
    expected, wrong = nlp(TEXT * 5).to_conllu(), []

    def work() -> None:
        for _ in range(20):
            (document,) = library.parse(model, [(TEXT * 5).encode()])
            if library.written(document).decode() != expected:
                wrong.append(document)
            library.do("free_document", document)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- another engine ----


def scored(library: Library, draft: c_void_p, engine: Any) -> int:
    """Runs all batches of a draft through an engine of Python; returns how many there were."""
    for count in range(1000):
        batch = c.Batch()
        library.do("next", draft, byref(batch))
        if batch.sentences == 0:
            return count
        shape = (batch.sentences, batch.length, batch.features)
        rows = np.ctypeslib.as_array(batch.rows, shape)
        lengths = np.ctypeslib.as_array(batch.lengths, (batch.sentences,))
        outputs = engine.scores(rows, lengths)
        library.do("score", draft, byref(scores_of(outputs)))
    raise AssertionError("no end of batches")


def scores_of(outputs: Any) -> Scores:
    scores = Scores()
    scores.candidates = outputs.arcs.shape[2]
    scores.tag_scores, scores.arc_scores = outputs.tags.ctypes.data, outputs.arcs.ctypes.data
    scores.arc_heads = outputs.heads.ctypes.data
    scores.label_dependent, scores.label_head = outputs.dependents.ctypes.data, outputs.label_heads.ctypes.data
    return scores


@pytest.mark.parametrize("bound", [10_000, 5])
def test_onnx_runtime_may_compute_the_network(library: Library, tmp_path: Path, bound: int) -> None:
    for package in ("onnx", "onnxruntime", "safetensors"):
        pytest.importorskip(package)
    from tests.bundles import tiny_bundle

    bundle = tiny_bundle(tmp_path / "tiny", max_sentence=bound)
    nlp = posmoe.load(bundle, backend="onnxruntime")
    model, draft = library.load(bundle), c_void_p()
    info = Info()
    library.do("model_info", model, byref(info))
    assert info.instruction_set == b"" and b"similarity dot" in info.refusal
    texts = [TEXT * 200, "", "He saw the dog."]
    library.do("begin", model, *c.many([text.encode() for text in texts]), 3, 0, byref(draft))
    documents = (c_void_p * 3)()
    assert library.call("finish", draft, 3, documents) == c.ARGUMENT
    assert scored(library, draft, nlp._engine) > 1
    assert library.call("finish", draft, 2, documents) == c.ARGUMENT
    library.do("finish", draft, 3, documents)
    with pytest.warns(LongSentenceWarning) if bound == 5 else nullcontext():
        expected = list(nlp.pipe(texts))
    for document, parsed in zip(documents, expected, strict=True):
        assert library.written(c_void_p(document)).decode() == parsed.to_conllu()
        assert library.columns(c_void_p(document)).cut == parsed.cut
        library.do("free_document", c_void_p(document))
    assert library.call("free_draft", draft) == c.HANDLE
    assert library.call("parse", model, b"x", 1, 0, byref(c_void_p())) == c.ENGINE
    assert "similarity dot" in library.error()
    library.do("free_model", model)


def test_scores_without_a_tree_are_refused(library: Library, model: c_void_p) -> None:
    draft, batch = c_void_p(), c.Batch()
    library.do("begin", model, *c.many([b"He waved."]), 1, 0, byref(draft))
    scores = Scores()
    assert library.call("score", draft, byref(scores)) == c.ARGUMENT
    library.do("next", draft, byref(batch))
    assert library.call("score", draft, None) == c.ARGUMENT
    outputs = EngineScores(
        np.zeros((1, 3, 17), np.float32), np.full((1, 3, 4), np.nan, np.float32), np.zeros((1, 3, 4), np.int64),
        np.zeros((1, 3, 64), np.float32), np.zeros((1, 4, 64), np.float32),
    )  # fmt: skip
    assert library.call("score", draft, byref(scores_of(outputs))) == c.DECODE
    outputs.arcs[:] = 0
    assert library.call("score", draft, byref(scores_of(outputs))) == c.DECODE
    assert "no tree" in library.error()
    library.do("free_draft", draft)


# ---- what is not right ----


def test_null_is_an_error(library: Library, model: c_void_p) -> None:
    out, size = c_void_p(), c_size_t()
    for name, arguments in (
        ("load", (None, byref(out))),
        ("load", (b"x", None)),
        ("load_files", (None, 1, byref(out))),
        ("model_info", (model, None)),
        ("parse", (model, None, 3, 0, byref(out))),
        ("parse", (model, b"x", 1, 0, None)),
        ("parse", (model, b"x", 1, 64, byref(out))),
        ("parse_many", (model, None, None, 1, 0, byref(out))),
        ("parse_words", (model, None, None, 1, None, byref(out))),
        ("begin", (model, None, None, 1, 0, byref(out))),
    ):
        assert library.call(name, *arguments) == c.ARGUMENT, name
        assert library.error()
    (document,) = library.parse(model, [b"x"])
    assert library.call("read", document, None) == c.ARGUMENT
    assert library.call("write", document, 0, 1, None, byref(size)) == c.ARGUMENT
    assert library.call("write", document, 9, 1, byref(out), byref(size)) == c.ARGUMENT
    unset = Columns()
    unset.struct_size = 0
    assert library.call("read", document, byref(unset)) == c.ARGUMENT
    library.do("free_document", document)
    for name in ("free_model", "free_document", "free_draft", "free_text"):
        library.do(name, None)
    library.do("parse", model, None, 0, 0, byref(out))  # nothing at no address
    library.do("free_document", out)


def test_a_wrong_handle_is_an_error(library: Library, model: c_void_p) -> None:
    out, size = c_void_p(), c_size_t()
    (freed,) = library.parse(model, [b"x"])
    library.do("free_document", freed)
    for handle in (c_void_p(), freed, model, c_void_p(0xDEADBEEF), c_void_p(1)):
        assert library.call("read", handle, byref(Columns())) == c.HANDLE
        assert library.call("write", handle, 0, 1, byref(out), byref(size)) == c.HANDLE
        assert library.call("next", handle, byref(c.Batch())) == c.HANDLE
        assert library.call("finish", handle, 0, None) == c.HANDLE
        if handle:
            assert library.call("free_document", handle) == c.HANDLE
            assert library.call("free_text", handle) == c.HANDLE
    (document,) = library.parse(model, [b"x"])
    for handle in (c_void_p(), freed, document, c_void_p(0xDEADBEEF)):
        assert library.call("parse", handle, b"x", 1, 0, byref(out)) == c.HANDLE
        assert library.call("model_info", handle, byref(Info())) == c.HANDLE
    library.do("write", document, 0, 1, byref(out), byref(size))
    library.do("free_text", out)
    assert library.call("free_text", out) == c.HANDLE
    library.do("free_document", document)


def test_bad_utf8_is_an_error_that_says_where(library: Library, model: c_void_p) -> None:
    out = c_void_p(7)
    for text, place in ((b"caf\xe9", 3), (b"\xff", 0), (b"ab\xed\xa0\x80", 2), (b"\xf0\x9f\x98", 0)):
        assert library.call("parse", model, text, len(text), 0, byref(out)) == c.INPUT
        assert f"invalid byte at {place}" in library.error()
        assert not out
    words = (c_char_p * 2)(b"a", b"\xff")
    assert library.call("parse_words", model, words, (c_size_t * 1)(2), 1, None, byref(out)) == c.INPUT
    assert library.call("load", b"\xff\xfe", byref(out)) == c.BUNDLE


def test_given_words_are_checked(library: Library, model: c_void_p) -> None:
    out = c_void_p()
    words = (c_char_p * 3)(b"He", b"waved", b".")

    def status(ends: list[int], tags: list[int] | None = None, given: Any = words) -> int:
        known = None if tags is None else (c_int32 * 3)(*tags)
        return library.call("parse_words", model, given, (c_size_t * len(ends))(*ends), len(ends), known, byref(out))

    assert status([3, 2]) == c.ARGUMENT
    assert status([3], [0, 17, 0]) == c.ARGUMENT
    assert status([3], [0, -2, 0]) == c.ARGUMENT
    assert status([3, 3]) == c.INPUT
    assert "sentence 1: expected at least one word" in library.error()
    assert status([3], given=(c_char_p * 3)(b"He", b" ", b".")) == c.INPUT
    assert status([3], given=(c_char_p * 3)(b"He", None, b".")) == c.ARGUMENT
    assert status([3], [-1, 15, -1]) == c.OK
    library.do("free_document", out)


def test_a_path_without_a_bundle_is_an_error(library: Library, tmp_path: Path) -> None:
    out = c_void_p()
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.posmoe").write_bytes(b"PK")
    for name, message in (
        ("nothing", "there is no such folder"),
        ("empty", "manifest.json is missing"),
        ("file.posmoe", "expected a folder, got a file"),
        ("a" * 300, "no bundle at"),
    ):
        assert library.call("load", str(tmp_path / name).encode(), byref(out)) == c.BUNDLE
        assert message in library.error()
        assert not out


# ---- the header, and programs ----


@pytest.mark.parametrize(
    ("compiler", "language", "standard"),
    [("cc", "c", "c89"), ("cc", "c", "c99"), ("cc", "c", "c11"), ("c++", "c++", "c++11"), ("c++", "c++", "c++20")],
)
def test_the_header_is_clean(tmp_path: Path, compiler: str, language: str, standard: str) -> None:
    if shutil.which(compiler) is None or not HEADER.exists():
        pytest.skip(f"needs the sources, and a compiler named {compiler}")
    source = tmp_path / "use.c"
    source.write_text(
        '#include "posmoe.h"\n#include "posmoe.h"\n'
        "posmoe_info info = POSMOE_INFO_INIT;\nposmoe_columns columns = POSMOE_COLUMNS_INIT;\n"
        "posmoe_batch batch = POSMOE_BATCH_INIT;\nposmoe_scores scores = POSMOE_SCORES_INIT;\n"
    )
    command = [
        compiler,
        "-x",
        language,
        f"-std={standard}",
        "-pedantic",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsyntax-only",
    ]
    run = subprocess.run([*command, f"-I{HEADER.parent}", str(source)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_nothing_else_is_visible() -> None:
    if shutil.which("nm") is None or c.path().suffix != ".so":
        pytest.skip("needs nm and a library of ELF's")
    run = subprocess.run(["nm", "-D", "--defined-only", str(c.path())], capture_output=True, text=True, check=True)
    names = {line.split()[2].partition("@")[0] for line in run.stdout.splitlines() if " A " not in line}
    assert names == {*c.ARGUMENTS, "posmoe_abi", "posmoe_version", "posmoe_error"}
