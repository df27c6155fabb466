"""Pickles are data here: numbers come out of them, and nothing in them runs."""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from facestudio.errors import HeadModelError
from facestudio.head.restricted_pickle import read_pickled_arrays

SAMPLES: dict[str, Any] = {
    "double": np.arange(12.0).reshape(3, 4),
    "single": np.ones((2, 3, 4), np.float32),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "unsigned": np.array([2**32 - 1, 0], np.uint32),
    "big endian": np.arange(3, dtype=">i4"),
    "nothing": np.zeros((0, 3)),
    "bytes above 127": np.array([-1, -2, 200], np.int64),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def to_file(content: bytes) -> Path:
        path = tmp_path / "model.pkl"
        path.write_bytes(content)
        return path

    return to_file


Write = Callable[[bytes], Path]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_out_as_they_went_in(write: Write, protocol: int) -> None:
    found = read_pickled_arrays(write(pickle.dumps(SAMPLES, protocol)))
    assert found.keys() == SAMPLES.keys()
    for name, expected in SAMPLES.items():
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == expected.dtype.newbyteorder("="), name


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("form", ["csc_matrix", "csr_matrix", "csc_array"])
def test_sparse_matrices_come_out_dense(write: Write, form: str, protocol: int) -> None:
    dense = np.array([[0, 1.5, 0, 0], [2, 0, 0, 3]])
    found = read_pickled_arrays(write(pickle.dumps({"J": getattr(scipy.sparse, form)(dense)}, protocol)))
    np.testing.assert_array_equal(found["J"], dense)


def test_numpy_2_spelling_is_understood(write: Write) -> None:
    raw = pickle.dumps(SAMPLES, 2).replace(b"cnumpy.core.", b"cnumpy._core.")
    assert b"cnumpy._core." in raw
    np.testing.assert_array_equal(read_pickled_arrays(write(raw))["double"], SAMPLES["double"])


def test_python_2_files_with_chumpy_are_understood(write: Write, python2_pickle: Callable[[Any], bytes], chumpy: type) -> None:
    matrix = scipy.sparse.csc_matrix(np.eye(3)[:, [2, 0, 1]])
    content = {"v": chumpy(SAMPLES["double"]), "nested": chumpy(chumpy(SAMPLES["single"])), "J": matrix, "bs_style": "lbs"}
    raw = python2_pickle(content | SAMPLES)
    assert b"chumpy.ch" in raw
    assert b"_codecs" not in raw  # as in Python 2, bytes are plain strings
    found = read_pickled_arrays(write(raw))
    np.testing.assert_array_equal(found["v"], SAMPLES["double"])
    np.testing.assert_array_equal(found["nested"], SAMPLES["single"])
    np.testing.assert_array_equal(found["J"], matrix.toarray())
    np.testing.assert_array_equal(found["bytes above 127"], SAMPLES["bytes above 127"])
    assert "bs_style" not in found  # text is no array


class Bomb:
    """Would create a file when unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("function", "name"), [(os.system, f"{os.name}.system"), (eval, "builtins.eval"), (os.mkdir, f"{os.name}.mkdir")]
)
def test_a_pickle_that_runs_code_is_refused_by_name_and_runs_nothing(
    write: Write, tmp_path: Path, function: Any, name: str, protocol: int
) -> None:
    evidence = tmp_path / "it_ran"
    argument = {os.system: f"echo > '{evidence}'", eval: f"open({str(evidence)!r}, 'w')"}.get(function, str(evidence))
    raw = pickle.dumps({"v_template": np.zeros(3), "x": Bomb(function, argument)}, protocol)
    with pytest.raises(HeadModelError, match=f"asks to run {name};") as caught:
        read_pickled_arrays(write(raw))
    assert caught.value.remedy
    assert not evidence.exists()
    # The control: an ordinary unpickler does run it.
    pickle.loads(raw)
    assert evidence.exists()


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.", r"numpy.core.multiarray._reconstruct.__globals__"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"cnumpy.testing._private.utils\nrunstring\n.", "numpy.testing._private.utils.runstring"),
        (b"cscipy.sparse.csc\nos\n.", "scipy.sparse.csc.os"),
        (b"cbuiltins\ngetattr\n.", "builtins.getattr"),
        (b"c__builtin__\nexecfile\n.", "builtins.execfile"),
        (b"\x80\x04\x8c\x09functools\x8c\x07partial\x93.", "functools.partial"),
    ],
)
def test_other_names_are_refused_even_of_permitted_packages(write: Write, raw: bytes, name: str) -> None:
    with pytest.raises(HeadModelError, match=f"asks to run {name};"):
        read_pickled_arrays(write(raw))


def test_what_a_pickle_does_to_a_stand_in_does_not_outlive_it(write: Write) -> None:
    """BUILD can set attributes on the class it was handed: the next file must meet a fresh one."""
    poison = b"\x80\x02cchumpy.ch\nCh\nN}U\x05state]s\x86b."
    with pytest.raises(HeadModelError):
        read_pickled_arrays(write(poison))
    test_sparse_matrices_come_out_dense(write, "csc_matrix", 2)


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(write: Write, keep: float) -> None:
    raw = pickle.dumps(SAMPLES)
    with pytest.raises(HeadModelError, match="damaged"):
        read_pickled_arrays(write(raw[: int(keep * len(raw))]))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"this is no pickle\n", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "damaged"),
        (pickle.dumps([1, 2]), "holds no head model, but a list"),
        (pickle.dumps({"v": np.array([{}, []], dtype=object)}), "without data"),
        (pickle.dumps({"v": np.array(["a"])}), "where numbers belong"),
        (b"Pid\n.", "outside the file"),
        # A memo index of 2 GB must not be allocated for.
        (b"\x80\x02}r" + struct.pack("<I", 2**31 - 1) + b".", ""),
    ],
    ids=["text", "png", "list", "objects", "strings", "persistent", "memo"],
)
def test_what_is_no_pickled_dict_of_numbers_is_refused(write: Write, raw: bytes, words: str) -> None:
    try:
        found = read_pickled_arrays(write(raw))
    except HeadModelError as error:
        assert words in error.what
    else:
        assert words == ""
        assert found == {}


def test_random_damage_never_escapes_as_another_error(write: Write) -> None:
    rng = np.random.default_rng(0)
    content = {"a": np.arange(20.0), "J": scipy.sparse.csc_matrix(np.eye(4)), "n": 3}
    for protocol in (0, 2, 4):
        raw = np.frombuffer(pickle.dumps(content, protocol), np.uint8)
        for _ in range(150):
            damaged = raw.copy()
            damaged[rng.integers(0, len(raw), 3)] = rng.integers(0, 256, 3)
            path = write(damaged.tobytes())
            try:
                read_pickled_arrays(path)
            except HeadModelError as error:
                assert error.remedy


def test_a_sparse_matrix_whose_indices_lie_is_refused(write: Write) -> None:
    matrix = scipy.sparse.csc_matrix(np.eye(3))
    matrix.indices[1] = 7
    with pytest.raises(HeadModelError, match="do not fit"):
        read_pickled_arrays(write(pickle.dumps({"J": matrix})))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(HeadModelError, match="cannot be read"):
        read_pickled_arrays(tmp_path / "none.pkl")
