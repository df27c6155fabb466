"""report.html: one file that shows whether a head can be trusted, in plain words first and numbers after."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from facestudio.export.checklist import Check
from facestudio.export.head_json import provenance_shares, views_seen_shares
from facestudio.export.pictures import jpeg_bytes
from facestudio.export.report_style import STYLE
from facestudio.export.scene import SCALE_SENTENCE, HeadScene
from facestudio.export.verdict import (
    average_told,
    distinct_photos,
    expression_sentence,
    fit_sentences,
    left_out_told,
    texture_sentence,
)
from facestudio.head.model import HeadModel
from facestudio.types import ByteArray, Reconstruction, Scale, Texture

_PROVENANCE_WORDS = {"measured": "photographed", "mirrored": "mirrored", "inferred": "filled in"}


@dataclass(frozen=True)
class PhotoPair:
    """One photo for the report. name: the view's. plain, overlaid: (h, w, 3) uint8 sRGB, without and with the mesh over it."""

    name: str
    plain: ByteArray
    overlaid: ByteArray


def report_html(
    model: HeadModel,
    reconstruction: Reconstruction,
    texture: Texture,
    scene: HeadScene,
    photos: Sequence[PhotoPair],
    portraits: Sequence[tuple[str, ByteArray]],
    versions: Mapping[str, str],
    seconds: Mapping[str, float],
    checks: Sequence[Check] = (),
) -> str:
    """The whole page; pictures inside as JPEG, nothing loaded from anywhere; every name and note escaped."""
    title = escape(scene.name)
    body = [
        f"<header><p class='brand'>FaceStudio</p><h1>{title}</h1>",
        f"<p class='lead'>{escape(_lead(reconstruction))}</p></header>",
        _words(model, reconstruction, texture),
        _section("The photos, and the head over them", _photo_grid(photos), _PHOTO_HINT),
        _section("The head from six sides", _portrait_grid(portraits)),
        _section("Where its colour comes from", _provenance(texture)),
        _section("In numbers", _quality_table(reconstruction) + _fact_table(model, reconstruction, texture)),
        *([_section("For Mesh to MetaHuman", _check_table(checks), _CHECK_HINT)] if checks else []),
        _section("How it was made", _origin_table(versions, seconds)),
    ]
    return _PAGE.format(title=title, style=STYLE, body="\n".join(body))


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} – FaceStudio</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
_PHOTO_HINT = "Wire: the head as each camera sees it. White line: its outline. Orange dots: the landmarks found in the photo."
_MATCHED_HINT = (
    "The head was fitted to the skin that the photos share, not to the landmarks. These distances are largely the landmark detector's own "
    "error: a few pixels are no fault of the head, but a photo with far more than the others may not belong to them."
)
_LEFT_OUT_HINT = "Photo left out: how well a head made from the other photos alone foretells the landmarks of this one."
_CHECK_HINT = (
    "Import the OBJ or FBX into Unreal; docs/export.md says what to click. The limits are FaceStudio's, the rules Epic's."
)


def _lead(reconstruction: Reconstruction) -> str:
    count = distinct_photos(reconstruction)
    return f"A head from {'one photo' if count == 1 else f'{count} photos'}."


def _words(model: HeadModel, reconstruction: Reconstruction, texture: Texture) -> str:
    sentences = [
        *fit_sentences(reconstruction),
        SCALE_SENTENCE[reconstruction.scale],
        texture_sentence(texture),
        expression_sentence(model, reconstruction),
    ]
    items = "".join(f"<li>{escape(s)}</li>" for s in sentences if s)
    notes = "".join(f"<li>{escape(n)}</li>" for n in reconstruction.notes)
    said = f"<h3>Worth knowing</h3><ul>{notes}</ul>" if notes else ""
    return f"<section class='words' aria-label='Quality in words'><ul>{items}</ul>{said}</section>"


def _section(title: str, content: str, hint: str = "") -> str:
    below = f"<p class='hint'>{escape(hint)}</p>" if hint else ""
    return f"<section><h2>{escape(title)}</h2>{content}{below}</section>"


def _photo_grid(photos: Sequence[PhotoPair]) -> str:
    figures = []
    for photo in photos:
        name = escape(photo.name)
        figures.append(
            f"<figure>{_picture(photo.overlaid, f'The {photo.name} photo with the head drawn over it')}"
            f"{_picture(photo.plain, f'The {photo.name} photo')}<figcaption>{name}</figcaption></figure>"
        )
    return f"<div class='grid photos'>{''.join(figures)}</div>"


def _portrait_grid(portraits: Sequence[tuple[str, ByteArray]]) -> str:
    figures = [
        f"<figure>{_picture(picture, f'The head: {label}')}<figcaption>{escape(label)}</figcaption></figure>"
        for label, picture in portraits
    ]
    return f"<div class='grid six'>{''.join(figures)}</div>"


def _picture(picture: ByteArray, text: str) -> str:
    data = base64.b64encode(jpeg_bytes(picture)).decode()
    height, width = picture.shape[:2]
    return f"<img width='{width}' height='{height}' alt='{escape(text, quote=True)}' src='data:image/jpeg;base64,{data}'>"


def _provenance(texture: Texture) -> str:
    shares = provenance_shares(texture)
    words = ", ".join(f"{100 * share:.0f} % {_PROVENANCE_WORDS[kind]}" for kind, share in shares.items())
    bars = "".join(f"<span class='{kind}' style='width:{100 * share:.2f}%'></span>" for kind, share in shares.items())
    keys = "".join(
        f"<li><i class='{kind}'></i>{100 * share:.0f} % {_PROVENANCE_WORDS[kind]}</li>" for kind, share in shares.items()
    )
    return f"<div class='bar' role='img' aria-label='{escape(words, quote=True)}'>{bars}</div><ul class='key'>{keys}</ul>"


def _quality_table(reconstruction: Reconstruction) -> str:
    left_out = left_out_told(reconstruction)
    rows = [
        [
            str(q.name),
            f"{q.reprojection_px:.2f} px",
            *(["–" if q.held_out_px is None else f"{q.held_out_px:.2f} px"] if left_out else []),
            f"{q.yaw_degrees:+.1f}°",
        ]
        for q in reconstruction.quality
    ]
    baseline = reconstruction.mean_head_reprojection_px
    if average_told(reconstruction):
        rows.append(["average head, all photos", f"{baseline:.2f} px", *(["–"] if left_out else []), "–"])
    hint = _MATCHED_HINT if reconstruction.sigma is not None else _LEFT_OUT_HINT if left_out else ""
    below = f"<p class='hint'>{escape(hint)}</p>" if hint else ""
    header = ["Photo", "Median landmark distance", *(["Same, photo left out"] if left_out else []), "Yaw of the head"]
    return _table(header, rows) + below


def _fact_table(model: HeadModel, reconstruction: Reconstruction, texture: Texture) -> str:
    rows = [
        [f"Surface seen by {n} photo{'' if n == 1 else 's'}", f"{100 * s:.1f} %"]
        for n, s in enumerate(views_seen_shares(texture))
    ]
    metric = "metric" if reconstruction.scale is Scale.METRIC else "assumed"
    rows += [
        ["Scale", metric],
        ["Engine", reconstruction.engine],
        ["Texture", f"{texture.albedo.shape[1]} × {texture.albedo.shape[0]}"],
    ]
    rows += [
        ["Head model", f"{model.name} {model.version}, {model.vertex_count:,} vertices"],
        ["Licence of the head model", model.licence],
    ]
    return _table(["What", "Value"], rows)


def _origin_table(versions: Mapping[str, str], seconds: Mapping[str, float]) -> str:
    rows = [[name, version] for name, version in versions.items()]
    rows += [[f"Time for {stage}", f"{duration:.2f} s"] for stage, duration in seconds.items()]
    return _table(["What", "Value"], rows)


def _check_table(checks: Sequence[Check]) -> str:
    return _table(["Epic asks for", "", "Found"], [[c.rule, "yes" if c.passed else "no", c.finding] for c in checks])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th scope='col'>{escape(h)}</th>" for h in header)
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(c)}</td>" for c in rest)
        lines.append(f"<tr><th scope='row'>{escape(first)}</th>{cells}</tr>")
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
