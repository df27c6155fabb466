"""report.html, its words and its pictures."""

from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.export.folder import export_head
from facestudio.export.overlay import photo_and_overlay
from facestudio.export.portraits import HERO, SIX_VIEWS, portrait, sitter
from facestudio.export.scene import HeadScene
from facestudio.export.verdict import expression_sentence, fit_sentences, texture_sentence
from facestudio.geometry.camera import project
from facestudio.head.model import HeadModel
from facestudio.types import Image, Landmarks, Reconstruction, Texture

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Checks that tags nest, and collects them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page_text(
    small_model: HeadModel,
    small_reconstruction: Reconstruction,
    small_texture: Texture,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    out = tmp_path_factory.mktemp("report")
    hostile = dataclasses.replace(small_reconstruction, notes=("<script>alert('x')</script> & more",))
    model = dataclasses.replace(small_model, licence="<b>mine</b>")
    export_head(model, hostile, small_texture, out, "Ada & 'Co'", ("report",))
    return (out / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(page_text: str) -> Page:
    parser = Page()
    parser.feed(page_text)
    return parser


def test_it_is_well_formed(page: Page) -> None:
    assert page.open == []


def test_it_loads_nothing_from_anywhere(page_text: str, page: Page) -> None:
    assert "http" not in page_text.lower()
    assert "url(" not in page_text
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe"}
        assert (attributes.get("src") or "data:").startswith("data:")


def test_names_and_notes_are_escaped(page: Page) -> None:
    assert "<script>alert('x')</script> & more" in page.text
    assert "<b>mine</b>" in page.text
    assert "Ada & 'Co'" in page.text


def test_three_photos_twice_and_six_views_each_with_words(page: Page) -> None:
    pictures = [a for tag, a in page.tags if tag == "img"]
    assert len(pictures) == 3 * 2 + 6
    texts = [a["alt"] for a in pictures]
    assert all(texts)
    assert len(set(texts)) == len(texts)


def test_pictures_decode_and_the_file_stays_small(page_text: str, page: Page) -> None:
    assert len(page_text) < 3_000_000
    for tag, a in page.tags:
        if tag == "img":
            data = base64.b64decode((a["src"] or "").split(",")[1])
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            assert picture.shape[:2] == (int(a["height"] or 0), int(a["width"] or 0))


def test_it_follows_the_reader_s_light_or_dark(page_text: str) -> None:
    assert "prefers-color-scheme: dark" in page_text


def test_plain_words_come_before_numbers(page: Page) -> None:
    assert page.text.index("explains the photos to within") < page.text.index("In numbers")


def test_the_verdict_compares_with_the_average_head(small_reconstruction: Reconstruction) -> None:
    better = " ".join(fit_sentences(small_reconstruction))
    assert "to within 1.2 px" in better
    assert "5.5 px: this one fits 77% closer" in better
    worse = " ".join(fit_sentences(dataclasses.replace(small_reconstruction, mean_head_reprojection_px=1.0)))
    assert "guess" in worse
    assert "closer" not in worse


def test_one_photo_admits_what_it_cannot_show(small_reconstruction: Reconstruction) -> None:
    r = small_reconstruction
    one = dataclasses.replace(r, views=r.views[:1], cameras=r.cameras[:1], quality=r.quality[:1])
    text = " ".join(fit_sentences(one))
    assert "explains the photo to" in text
    assert "no depth" in text


def test_one_photo_given_three_times_is_one_photo(small_reconstruction: Reconstruction) -> None:
    assert "no depth" in " ".join(fit_sentences(small_reconstruction))
    views = tuple(
        dataclasses.replace(v, image=Image(v.image.pixels + np.uint8(i))) for i, v in enumerate(small_reconstruction.views)
    )
    assert "no depth" not in " ".join(fit_sentences(dataclasses.replace(small_reconstruction, views=views)))


def test_an_unmeasured_fit_is_not_praised(small_reconstruction: Reconstruction) -> None:
    assert fit_sentences(dataclasses.replace(small_reconstruction, quality=())) == [
        "How well the head explains the photos was not measured."
    ]


def test_shares_and_expressions_in_words(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture
) -> None:
    assert texture_sentence(small_texture).startswith("33% of its colour was photographed; 50% of its surface")
    assert "(jaw open)" in expression_sentence(small_model, small_reconstruction)
    calm = dataclasses.replace(small_reconstruction, expression=np.zeros(3))
    assert expression_sentence(small_model, calm) == ""


def test_the_overlay_lies_where_the_camera_sees_the_head(small_reconstruction: Reconstruction, small_model: HeadModel) -> None:
    """The photo is grey exactly where the head projects: the drawn outline must follow that edge to the pixel."""
    camera, vertices = small_reconstruction.cameras[0], small_model.template.astype(np.float64)  # smooth and convex
    photo = np.zeros((camera.height, camera.width, 3), np.uint8)
    hull = cv2.convexHull(np.rint(project(camera, vertices)).astype(np.int32))
    cv2.fillConvexPoly(photo, hull, (60, 60, 60))
    plain, drawn = photo_and_overlay(photo, camera, vertices, small_model.faces, None)
    outline = drawn.min(axis=-1) > 150
    edge = cv2.morphologyEx((plain[..., 0] > 30).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    distance = cv2.distanceTransform(1 - edge, cv2.DIST_L2, 5)
    scale = plain.shape[0] / camera.height
    assert outline.sum() > 500
    assert np.percentile(distance[outline], 95) <= 2.5 * max(scale, 1.0)


def test_landmarks_are_dotted_where_they_were_found(small_reconstruction: Reconstruction, small_model: HeadModel) -> None:
    camera, vertices = small_reconstruction.cameras[1], small_reconstruction.posed_vertices
    centre = project(camera, vertices.mean(axis=0))[None]
    photo = np.zeros((camera.height, camera.width, 3), np.uint8)
    points = Landmarks(np.concatenate([centre, [[np.nan, np.nan]]]), "now7", np.ones(2))
    with_dot = photo_and_overlay(photo, camera, vertices, small_model.faces, points)[1].astype(int)
    without = photo_and_overlay(photo, camera, vertices, small_model.faces, None)[1].astype(int)
    y, x = np.argwhere(np.abs(with_dot - without).sum(axis=-1) > 100).mean(axis=0)
    height, width = with_dot.shape[:2]
    assert np.abs([x - width / 2, y - height / 2]).max() < 0.05 * width


def test_a_portrait_shows_the_texture_and_the_right_side(small_scene: HeadScene) -> None:
    """The albedo is red on the subject's left half and blue on the right: seen from the left, red; seen from the right, blue."""
    albedo = np.zeros((64, 64, 3), np.uint8)
    # u runs from the back over the subject's right (-X) to the front (0.5) and on over the left: see the globe.
    albedo[:, :32, 2] = 200
    albedo[:, 32:, 0] = 200
    by_label = {p.label: p for p in SIX_VIEWS}
    left = portrait(sitter(small_scene), by_label["Subject's left"], 96, 80, albedo)[48, 40].astype(int)
    right = portrait(sitter(small_scene), by_label["Subject's right"], 96, 80, albedo)[48, 40].astype(int)
    assert left[0] > 60 > left[2]
    assert right[2] > 60 > right[0]


def test_clay_needs_no_texture_and_differs_from_it(small_scene: HeadScene) -> None:
    clay, colour = (portrait(sitter(small_scene), HERO, 96, 80, a) for a in (None, small_scene.albedo))
    assert clay.shape == colour.shape == (96, 80, 3)
    assert np.array_equal(clay[0, 0], colour[0, 0])  # the same wall
    assert np.abs(clay[48, 40].astype(int) - colour[48, 40]).max() > 10


def test_a_photo_of_any_size_gives_a_modest_picture(
    small_reconstruction: Reconstruction, small_model: HeadModel, tmp_path: Path
) -> None:
    camera = small_reconstruction.cameras[0]
    K = camera.K * np.array([[10], [10], [1]])
    big = dataclasses.replace(camera, K=K, width=3200, height=2400)
    photo = Image(np.zeros((2400, 3200, 3), np.uint8)).pixels
    plain, drawn = photo_and_overlay(photo, big, small_reconstruction.posed_vertices, small_model.faces, None)
    assert plain.shape == drawn.shape
    assert plain.shape[0] <= 600
    assert plain.shape[1] <= 480
    assert re.fullmatch(r"uint8", str(drawn.dtype))


@pytest.mark.parametrize(
    ("engine", "matched", "left_out", "average"),
    [("fit", False, True, True), ("mfnet", False, False, True), ("auto", True, False, False)],
)
def test_numbers_stand_together_only_where_they_speak_of_the_same_head(
    engine: str,
    matched: bool,
    left_out: bool,
    average: bool,
    small_model: HeadModel,
    small_reconstruction: Reconstruction,
    small_texture: Texture,
    tmp_path: Path,
) -> None:
    """A matched head obeys landmarks less than the average head may: beside each other the two look like a failure."""
    sigma = np.full(len(small_reconstruction.vertices), 0.0004) if matched else None
    quality = tuple(dataclasses.replace(q, held_out_px=1.5) for q in small_reconstruction.quality if engine != "mfnet")
    made = dataclasses.replace(
        small_reconstruction, engine=engine, sigma=sigma, quality=quality or small_reconstruction.quality
    )
    export_head(small_model, made, small_texture, tmp_path, "ada", ("report",))
    page = Page()
    page.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert ("photo left out" in page.text) == left_out
    assert ("verage head" in page.text) == average
    assert ("landmark detector's own error" in page.text) == matched
    rows = re.findall(
        r"<tr>.*?</tr>", (tmp_path / "report.html").read_text(encoding="utf-8").split("In numbers")[1].split("</table>")[0]
    )
    assert len({len(re.findall(r"<t[hd]", row)) for row in rows}) == 1
