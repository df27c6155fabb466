"""Whatever is dropped on the window becomes captures, or a sentence."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facestudio.errors import Cancelled, NoFaceError
from facestudio.library.store import Library
from facestudio.pipeline.dropped_photos import ImportLimits
from facestudio.pipeline.import_captures import import_captures, propose_captures
from facestudio.pipeline.name_views import view_in_name
from facestudio.progress import CancelToken, silent
from facestudio.types import ViewName

L, F, R = ViewName


def picture(path: Path) -> Path:
    """A small picture that no other is like."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(str(path).encode())
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (24, 16, 3)).astype(np.uint8)).save(path)
    return path


def reversed_order(photos: Sequence[Path]) -> tuple[Mapping[ViewName, Path], tuple[str, ...]]:
    """Says the opposite of the names' order, so that who asked it can be told from who did not."""
    return dict(zip(reversed(ViewName), photos, strict=False)), ("looked at",)


@pytest.mark.parametrize(
    ("stem", "said"),
    [
        ("ann_left", ("ann", L)),
        ("ann-take 2_Front", ("ann-take 2", F)),
        ("ANN_R", ("ANN", R)),
        ("left", ("", L)),
        ("L_ann", ("ann", L)),
        ("annRight", ("ann", R)),
        ("ann.centre", ("ann", F)),
        ("copyright", None),
        ("wolf", None),
        ("aleft", None),
        ("DSC_0001", None),
    ],
)
def test_a_name_says_its_view_only_by_a_word_of_its_own(stem: str, said: tuple[str, ViewName] | None) -> None:
    assert view_in_name(stem) == said


@pytest.mark.parametrize("names", [("left", "front", "right"), ("L", "F", "R"), ("Left", "FRONT", "rIGHT")])
def test_a_folder_of_six_triplets_is_six_captures(tmp_path: Path, names: tuple[str, str, str]) -> None:
    people = [f"person {k}" for k in range(6)]
    for person in people:
        for name in names:
            picture(tmp_path / "in" / f"{person}_{name}.jpg")
    proposal = propose_captures([tmp_path / "in"], order=reversed_order)
    assert [c.subject for c in proposal.captures] == people
    assert all(c.certain and not c.notes for c in proposal.captures)
    assert [proposal.captures[3].photos[v].name for v in ViewName] == [f"person 3_{name}.jpg" for name in names]
    assert not proposal.skipped


def test_numbers_say_an_order_that_is_looked_at(tmp_path: Path) -> None:
    for k in range(3):
        picture(tmp_path / "ann" / f"{k}.png")
    (capture,) = propose_captures([tmp_path / "ann"], order=reversed_order).captures
    assert (capture.subject, capture.notes) == ("ann", ("looked at",))
    assert {view: path.name for view, path in capture.photos.items()} == {R: "0.png", F: "1.png", L: "2.png"}


def test_three_dropped_files_are_one_capture(tmp_path: Path) -> None:
    files = [picture(tmp_path / "ann" / name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    (capture,) = propose_captures(files, order=reversed_order).captures
    assert (capture.subject, len(capture.photos)) == ("ann", 3)


def test_folders_name_subject_session_and_capture(tmp_path: Path) -> None:
    for view in ViewName:
        picture(tmp_path / "lab" / "ann" / f"smile_{view}.jpg")
        picture(tmp_path / "lab" / "bo" / "monday" / f"{view}.jpg")
        picture(tmp_path / "lab" / "cy" / "monday" / "first" / f"{view}.jpg")
    found = propose_captures([tmp_path / "lab"]).captures
    assert [(c.subject, c.name) for c in found] == [("ann", "smile"), ("bo", None), ("cy", "first")]
    assert [c.session for c in found[1:]] == ["monday", "monday"]


def test_the_bench_layout_brings_its_cameras(shared: Path) -> None:
    subject = shared / "bench" / "dev" / "AIAN_M_1"
    (capture,) = propose_captures([subject]).captures
    assert (capture.subject, list(capture.photos), capture.cameras) == ("AIAN_M_1", [L, F, R], subject / "cameras.json")
    everyone = propose_captures([shared / "bench" / "dev"]).captures
    assert len(everyone) > 5
    assert {c.subject for c in everyone} >= {"AIAN_M_1", "Asian_F_1"}


def test_photos_whose_names_say_nothing_are_ordered_by_the_heads_turn(shared: Path, tmp_path: Path) -> None:
    for number, view in enumerate(("right", "left", "front")):
        content = (shared / "bench" / "dev" / "Asian_F_1" / f"{view}.jpg").read_bytes()
        (tmp_path / f"DSC_10{number}.jpg").write_bytes(content)
    (capture,) = propose_captures([tmp_path]).captures
    assert {view: path.name for view, path in capture.photos.items()} == {L: "DSC_101.jpg", F: "DSC_102.jpg", R: "DSC_100.jpg"}


def test_cameras_that_cannot_be_read_are_left_out_and_said(tmp_path: Path) -> None:
    for view in ViewName:
        picture(tmp_path / "ann" / f"{view}.jpg")
    (tmp_path / "ann" / "cameras.json").write_text("{")
    (capture,) = propose_captures([tmp_path / "ann"]).captures
    assert capture.cameras is None
    assert "cameras.json is not a readable camera file" in capture.notes[0]


def test_what_only_looks_like_a_picture_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_bytes(b"nonsense")
    proposal = propose_captures([tmp_path / "notes.jpg"])
    assert not proposal.captures
    assert proposal.skipped[0].reason == "notes.jpg is not a picture."


def test_a_file_that_is_no_whole_picture_stays_out_and_its_neighbours_come_in(tmp_path: Path) -> None:
    for view in ViewName:
        picture(tmp_path / f"ann_{view}.jpg")
        picture(tmp_path / f"bob_{view}.jpg")
    (tmp_path / "ann_front.jpg").write_text("a letter")
    cut = tmp_path / "bob_left.jpg"
    cut.write_bytes(cut.read_bytes()[:-200])
    proposal = propose_captures([tmp_path])
    assert {c.subject: set(c.photos) for c in proposal.captures} == {"ann": {L, R}, "bob": {F, R}}
    said = {s.path.name: s.reason for s in proposal.skipped}
    assert said["ann_front.jpg"] == "ann_front.jpg is not a picture."
    assert said["bob_left.jpg"].startswith("bob_left.jpg is damaged or cut off")


def test_photos_without_a_face_keep_the_order_of_their_names(tmp_path: Path) -> None:
    def nobody(photos: Sequence[Path]) -> tuple[Mapping[ViewName, Path], tuple[str, ...]]:
        raise NoFaceError("No face was found in a.jpg.")

    files = [picture(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    (capture,) = propose_captures(files, order=nobody).captures
    assert {view: path.name for view, path in capture.photos.items()} == {L: "a.jpg", F: "b.jpg"}
    assert "No face was found in a.jpg." in capture.notes[0]


def test_the_same_photos_come_in_once(tmp_path: Path) -> None:
    for view in ViewName:
        content = picture(tmp_path / "in" / "ann" / f"{view}.jpg").read_bytes()
        (tmp_path / "in" / "copy of ann").mkdir(exist_ok=True)
        (tmp_path / "in" / "copy of ann" / f"{view}.jpg").write_bytes(content)
    proposal = propose_captures([tmp_path / "in"])
    assert len(proposal.captures) == 1
    assert "the same photos as those of ann" in proposal.skipped[0].reason


def test_photos_in_the_library_already_are_named(tmp_path: Path) -> None:
    for view in ViewName:
        picture(tmp_path / "ann" / f"{view}.jpg")
    library = Library.open(tmp_path / "library")
    first = propose_captures([tmp_path / "ann"], library)
    assert first.captures[0].known_as == ""
    imported = import_captures(library, first.captures)
    again = propose_captures([tmp_path / "ann"], library)
    assert again.captures[0].known_as == f"ann, {imported.records[0].session}, capture 1"
    library.close()


def test_six_triplets_come_in_and_one_that_is_gone_does_not_stop_the_others(tmp_path: Path) -> None:
    for k in range(6):
        for view in ViewName:
            picture(tmp_path / "in" / f"p{k}" / f"{view}.jpg")
    library = Library.open(tmp_path / "library")
    proposal = propose_captures([tmp_path / "in"], library)
    (tmp_path / "in" / "p2" / "front.jpg").unlink()
    imported = import_captures(library, proposal.captures)
    assert [r.subject for r in imported.records] == ["p0", "p1", "p3", "p4", "p5"]
    assert "front.jpg" in imported.failed[0].reason
    assert [r.subject for r in library.captures()] == ["p0", "p1", "p3", "p4", "p5"]
    library.close()


def test_what_is_no_use_is_said(tmp_path: Path) -> None:
    letter = tmp_path / "letter.docx"
    letter.write_text("")
    (tmp_path / "empty").mkdir()
    for k in range(5):
        picture(tmp_path / "five" / f"IMG{k}x.jpg")
    proposal = propose_captures([letter, tmp_path / "empty", tmp_path / "five", tmp_path / "absent"], order=reversed_order)
    said = {skip.path.name: skip.reason for skip in proposal.skipped}
    assert not proposal.captures
    assert said["letter.docx"] == "It is not a picture."
    assert said["absent"] == "It is not there."
    assert said["empty"] == "There are no photos in it."
    assert "5 photos without left, front or right" in said["five"]


def test_result_folders_and_hidden_folders_are_not_searched(tmp_path: Path) -> None:
    picture(tmp_path / "ann" / "front.jpg")
    picture(tmp_path / "ann" / "head" / "preview.png")
    (tmp_path / "ann" / "head" / "ann.glb").write_bytes(b"")
    picture(tmp_path / "ann" / ".cache" / "left.jpg")
    proposal = propose_captures([tmp_path / "ann"])
    assert [c.photos for c in proposal.captures] == [{F: tmp_path / "ann" / "front.jpg"}]


def test_a_huge_folder_is_refused_with_a_number(tmp_path: Path) -> None:
    for k in range(4):
        picture(tmp_path / "a" / f"{k}_left.jpg")
    proposal = propose_captures([tmp_path / "a"], limits=ImportLimits(most_photos=3))
    assert "more than 3 photos" in proposal.skipped[0].reason


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the system's administrator may read everything")
def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir(mode=0)
    assert "cannot be read" in propose_captures([tmp_path / "secret"]).skipped[0].reason


def test_a_cancel_stops_the_search(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "front.jpg")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        propose_captures([tmp_path / "a"], None, silent, cancel)


def test_cameras_that_know_only_some_views_are_left_out(tmp_path: Path) -> None:
    camera = {"K": np.diag([900.0, 900.0, 1.0]).tolist(), "R": np.eye(3).tolist(), "t": [0, 0, 1], "width": 16, "height": 24}
    for view in ViewName:
        picture(tmp_path / "ann" / f"{view}.jpg")
    (tmp_path / "ann" / "cameras.json").write_text(json.dumps({"left": camera}))
    (capture,) = propose_captures([tmp_path / "ann"]).captures
    assert capture.cameras is None
    assert "has no front, right camera" in capture.notes[0]
