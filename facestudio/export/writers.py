"""One function per format: it writes the format's files into a folder. The order and the words are those of `export.formats`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from facestudio.export.blender_program import run_script
from facestudio.export.blender_script import SCRIPT_ENDING, blender_script, photo_file, plain_photo
from facestudio.export.even_light import even_albedo
from facestudio.export.glb import glb_bytes
from facestudio.export.obj import mtl_text, obj_text
from facestudio.export.pictures import jpeg_bytes, original_bytes, png_bytes
from facestudio.export.ply import ply_bytes
from facestudio.export.saved import ENDING, saved_bytes
from facestudio.export.scene import HeadScene
from facestudio.export.smplx_npz import smplx_bytes
from facestudio.export.stl import stl_bytes
from facestudio.export.usd import usd_bytes
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken, beside
from facestudio.types import Reconstruction, Texture

_PHOTO_QUALITY = 95


@dataclass(frozen=True)
class Files:
    """What the writers need. albedo_png: the texture's bytes, empty when no chosen format holds it."""

    model: HeadModel
    reconstruction: Reconstruction
    texture: Texture
    scene: HeadScene
    albedo_png: bytes

    @property
    def name(self) -> str:
        """Stem of the files."""
        return self.scene.name


Writer: TypeAlias = Callable[[Files, Path, CancelToken], None]


def write_text(path: Path, text: str) -> None:
    """Write text with the same bytes on every system, so that hashes can be compared."""
    # A photo's file name need not be valid Unicode; \udcff is what JSON calls such a byte, too.
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def _glb(files: Files, folder: Path, _cancel: CancelToken) -> None:
    (folder / f"{files.name}.glb").write_bytes(glb_bytes(files.scene, files.albedo_png))


def _obj(files: Files, folder: Path, cancel: CancelToken) -> None:
    write_text(folder / f"{files.name}.obj", obj_text(files.scene))
    write_text(folder / f"{files.name}.mtl", mtl_text(files.scene))
    _albedo(files, folder, cancel)


def _albedo(files: Files, folder: Path, _cancel: CancelToken) -> None:
    (folder / f"{files.name}_albedo.png").write_bytes(files.albedo_png)


def _even(files: Files, folder: Path, cancel: CancelToken) -> None:
    picture = even_albedo(files.model, files.scene, files.texture, cancel=cancel)
    cancel.check()
    content = beside(lambda: png_bytes(picture), cancel)
    (folder / f"{files.name}_albedo_even.png").write_bytes(content)


def _metahuman(files: Files, folder: Path, cancel: CancelToken) -> None:
    scene = replace(files.scene, name=f"{files.name}_metahuman")
    write_text(folder / f"{scene.name}.obj", obj_text(scene))
    write_text(folder / f"{scene.name}.mtl", mtl_text(scene, f"{files.name}_albedo_even.png"))
    if not (folder / f"{files.name}_albedo_even.png").exists():
        _even(files, folder, cancel)


def _head(files: Files, folder: Path, cancel: CancelToken) -> None:
    content = saved_bytes(files.name, files.model, files.reconstruction, files.texture, files.albedo_png, cancel)
    (folder / f"{files.name}{ENDING}").write_bytes(content)


def _ply(files: Files, folder: Path, _cancel: CancelToken) -> None:
    (folder / f"{files.name}.ply").write_bytes(ply_bytes(files.scene, files.texture.views_seen))


def _stl(files: Files, folder: Path, _cancel: CancelToken) -> None:
    (folder / f"{files.name}.stl").write_bytes(stl_bytes(files.scene))


def _smplx(files: Files, folder: Path, _cancel: CancelToken) -> None:
    (folder / f"{files.name}_smplx.npz").write_bytes(smplx_bytes(files.model, files.reconstruction, files.scene))


def _usd(files: Files, folder: Path, cancel: CancelToken) -> None:
    (folder / f"{files.name}.usdc").write_bytes(usd_bytes(files.scene, f"{files.name}_albedo.png"))
    _albedo(files, folder, cancel)


def _blender(files: Files, folder: Path, cancel: CancelToken) -> None:
    glb = folder / f"{files.name}.glb"
    if not glb.exists():
        _glb(files, folder, cancel)
    r = files.reconstruction
    for view, camera in zip(r.views, r.cameras, strict=True):
        cancel.check()
        photo = plain_photo(view.image.pixels, camera)
        own = b"" if photo.changed else original_bytes(view.image)
        (folder / photo_file(files.name, str(view.name))).write_bytes(own or jpeg_bytes(photo.pixels, _PHOTO_QUALITY))
    write_text(folder / f"{files.name}{SCRIPT_ENDING}", blender_script(files.scene, files.model, r))


def _through_blender(option: str, ending: str) -> Writer:
    """A writer that lets Blender run our own script and save the result."""

    def write(files: Files, folder: Path, cancel: CancelToken) -> None:
        work = folder / "blender"  # a folder within the staging folder, which is removed at the end
        work.mkdir(exist_ok=True)
        _blender(files, work, cancel)
        made = work / f"{files.name}{ending}"
        run_script(work / f"{files.name}{SCRIPT_ENDING}", ["--empty", option, str(made)], cancel)
        made.replace(folder / made.name)
        shutil.rmtree(work)

    return write


WRITERS: Mapping[str, Writer] = {
    "glb": _glb,
    "obj": _obj,
    "head": _head,
    "metahuman": _metahuman,
    "even": _even,
    "ply": _ply,
    "stl": _stl,
    "usd": _usd,
    "smplx": _smplx,
    "blender": _blender,
    "blend": _through_blender("--save", ".blend"),
    "fbx": _through_blender("--fbx", ".fbx"),
}
