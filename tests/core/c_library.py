"""The C library by ctypes: the structures and functions of runtime/core/posmoe.h, as a C program sees them."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

OK, ARGUMENT, HANDLE, INPUT, BUNDLE, ENGINE, DECODE = range(7)
LINES, REPAIR = 1, 2
# where it was compiled; wheels/sanitize.py names another place
TREE = Path(
    os.environ.get("POSMOE_C_LIBRARY") or ROOT / "build" / f"cp{sys.version_info.major}{sys.version_info.minor}"
)
Names = POINTER(c_char_p)
U32 = POINTER(c_uint32)
I32 = POINTER(c_int32)


class File(ctypes.Structure):
    _fields_ = (("name", c_char_p), ("data", c_char_p), ("size", c_size_t))


class Sized(ctypes.Structure):
    """A structure that says how large it is."""

    def __init__(self) -> None:
        super().__init__()
        self.struct_size = ctypes.sizeof(self)


class Info(Sized):
    _fields_ = (
        ("struct_size", c_size_t), ("name", c_char_p), ("version", c_char_p), ("language", c_char_p),
        ("instruction_set", c_char_p), ("refusal", c_char_p), ("tags", c_size_t), ("deprels", c_size_t),
        ("tag_names", Names), ("deprel_names", Names), ("max_sentence", c_size_t), ("label_rank", c_size_t),
    )  # fmt: skip


class Columns(Sized):
    _fields_ = (
        ("struct_size", c_size_t), ("text", c_void_p), ("text_size", c_size_t),
        ("words", c_size_t), ("tokens", c_size_t), ("sentences", c_size_t), ("cut", c_size_t),
        ("forms", c_void_p), ("form", U32), ("upos", I32), ("head", I32), ("deprel", I32),
        ("start", U32), ("end", U32), ("start_point", U32), ("end_point", U32), ("token", U32),
        ("token_word", U32), ("token_start", U32), ("token_end", U32), ("token_start_point", U32),
        ("token_end_point", U32), ("space_after", POINTER(c_uint8)), ("sentence", U32),
        ("tag_names", Names), ("deprel_names", Names),
    )  # fmt: skip


class Batch(Sized):
    _fields_ = (
        ("struct_size", c_size_t), ("sentences", c_size_t), ("length", c_size_t), ("features", c_size_t),
        ("rows", I32), ("lengths", POINTER(c_int64)),
    )  # fmt: skip


class Scores(Sized):
    _fields_ = (
        ("struct_size", c_size_t), ("candidates", c_size_t), ("tag_scores", c_void_p), ("arc_scores", c_void_p),
        ("arc_heads", c_void_p), ("label_dependent", c_void_p), ("label_head", c_void_p),
    )  # fmt: skip


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "posmoe_load": (c_char_p, POINTER(c_void_p)),
    "posmoe_load_files": (POINTER(File), c_size_t, POINTER(c_void_p)),
    "posmoe_model_info": (c_void_p, POINTER(Info)),
    "posmoe_free_model": (c_void_p,),
    "posmoe_parse": (c_void_p, c_char_p, c_size_t, c_uint32, POINTER(c_void_p)),
    "posmoe_parse_many": (c_void_p, Names, POINTER(c_size_t), c_size_t, c_uint32, POINTER(c_void_p)),
    "posmoe_parse_words": (c_void_p, Names, POINTER(c_size_t), c_size_t, I32, POINTER(c_void_p)),
    "posmoe_read": (c_void_p, POINTER(Columns)),
    "posmoe_write": (c_void_p, c_uint32, c_uint64, POINTER(c_void_p), POINTER(c_size_t)),
    "posmoe_free_text": (c_void_p,),
    "posmoe_free_document": (c_void_p,),
    "posmoe_begin": (c_void_p, Names, POINTER(c_size_t), c_size_t, c_uint32, POINTER(c_void_p)),
    "posmoe_next": (c_void_p, POINTER(Batch)),
    "posmoe_score": (c_void_p, POINTER(Scores)),
    "posmoe_finish": (c_void_p, c_size_t, POINTER(c_void_p)),
    "posmoe_free_draft": (c_void_p,),
}


def path() -> Path:
    """The shared library that wheels/build.py compiled; skips where there is none."""
    for name in ("libposmoe.so", "libposmoe.dylib", "posmoe.dll", "Release/posmoe.dll"):
        if (TREE / name).exists():
            return TREE / name
    pytest.skip("needs the C library: python wheels/build.py compiles it")


def run(*command: str | Path, **options: str) -> str:
    """What a program prints; it must succeed."""
    result = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | options)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


class Library:
    """The functions; a status that is not OK is what `call` gives, `expect` wants, and `do` refuses."""

    def __init__(self) -> None:
        self.c = ctypes.CDLL(str(path()))
        for name, arguments in ARGUMENTS.items():
            function = getattr(self.c, name)
            function.argtypes, function.restype = arguments, c_int32
        self.c.posmoe_version.restype = c_char_p
        self.c.posmoe_error.restype = c_char_p
        self.c.posmoe_abi.restype = c_uint32

    def error(self) -> str:
        return str(self.c.posmoe_error().decode())

    def call(self, name: str, *arguments: Any) -> int:
        return int(getattr(self.c, f"posmoe_{name}")(*arguments))

    def do(self, name: str, *arguments: Any) -> None:
        status = self.call(name, *arguments)
        assert status == OK, f"posmoe_{name}: {status} {self.error()}"

    def load(self, bundle: Path) -> c_void_p:
        model = c_void_p()
        self.do("load", str(bundle).encode(), byref(model))
        return model

    def parse(self, model: c_void_p, texts: Sequence[bytes], flags: int = 0) -> list[c_void_p]:
        documents = (c_void_p * len(texts))()
        self.do("parse_many", model, *many(texts), len(texts), flags, documents)
        return [c_void_p(document) for document in documents]

    def columns(self, document: c_void_p) -> Columns:
        columns = Columns()
        self.do("read", document, byref(columns))
        return columns

    def written(self, document: c_void_p, form: int = 0, first: int = 1) -> bytes:
        text, size = c_void_p(), c_size_t()
        self.do("write", document, form, first, byref(text), byref(size))
        result = ctypes.string_at(text, size.value)
        self.do("free_text", text)
        return result


def many(texts: Sequence[bytes]) -> tuple[Any, Any]:
    """Texts and their sizes as a C program gives them."""
    return (c_char_p * len(texts))(*texts), (c_size_t * len(texts))(*map(len, texts))


def files(content: Iterable[tuple[str, bytes]]) -> Any:
    """Files by name as a C program gives them."""
    given = [File(name.encode(), data, len(data)) for name, data in content]
    return (File * len(given))(*given)
