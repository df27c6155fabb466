"""Dropped files and folders become captures: first as a proposal that the operator can change, then as copies in the library.

Photos belong together by their names (`name_views`), else by the folder they lie in; which view each is follows from the name, else from
the head's turn. Nothing heavy is imported until a photo has to be looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from facestudio.errors import Cancelled, FaceStudioError, OutputError, PictureError, said_by_system
from facestudio.library.add import NewCapture
from facestudio.library.records import CaptureRecord
from facestudio.library.store import Library
from facestudio.pipeline.dropped_photos import ImportLimits, Place, Skipped, dropped_places
from facestudio.pipeline.name_views import NamedPhotos, sort_by_name
from facestudio.pipeline.order_views import Order, TurnOrder, as_given
from facestudio.progress import CancelToken, Progress, silent
from facestudio.types import ViewName


@dataclass(frozen=True)
class ProposedCapture:
    """A capture as it would come in. subject, session, name: suggestions. photos: the files as they lie now.

    certain: the names said which view each photo is. known_as: the library has these very photos already, under this name.
    notes: sentences for the operator. hashes: SHA-256 of each photo.
    """

    subject: str
    session: str
    photos: Mapping[ViewName, Path]
    name: str | None = None
    cameras: Path | None = None
    created: datetime | None = None
    certain: bool = True
    known_as: str = ""
    notes: tuple[str, ...] = ()
    hashes: Mapping[ViewName, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """All that was found in what was dropped."""

    captures: tuple[ProposedCapture, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Imported:
    """What came in, and what did not."""

    records: tuple[CaptureRecord, ...] = ()
    failed: tuple[Skipped, ...] = ()


def propose_captures(
    paths: Sequence[Path],
    library: Library | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    order: Order | None = None,
    limits: ImportLimits | None = None,
) -> Proposal:
    """Find the captures in dropped files and folders. Reads only. library: to say which photos it has already.

    order: says which view each of some photos is, when their names do not; None: by the head's turn (`order_by_turn`).
    Raises Cancelled. A photo that cannot be read becomes a note or is skipped with its reason.
    """
    cancel, limits = cancel or CancelToken(), limits or ImportLimits()
    skipped: list[Skipped] = []
    found: list[ProposedCapture] = []
    progress("read", 0.0, "")
    places = list(dropped_places(paths, skipped, cancel, limits))
    for k, place in enumerate(places):
        progress("read", 0.1 * k / len(places), place.above[-1] if place.above else "")
        found += _in_place(place, skipped)
    uncertain = any(not capture.certain for capture in found)
    if order is None and uncertain:
        with closing(TurnOrder(cancel)) as turn:
            return _checked(found, skipped, library, progress, cancel, turn)
    return _checked(found, skipped, library, progress, cancel, order or as_given)


def import_captures(
    library: Library, captures: Sequence[ProposedCapture], progress: Progress = silent, cancel: CancelToken | None = None
) -> Imported:
    """Copy proposed captures into the library, each whole or not at all; one that fails does not stop the others.

    Raises OutputError when the disk refuses, which would stop them all, and Cancelled; what came in before stays.
    """
    cancel = cancel or CancelToken()
    records, failed = [], []
    for k, capture in enumerate(captures):
        cancel.check()
        progress("import", k / len(captures), f"{capture.subject} ({k + 1} of {len(captures)})")
        new = NewCapture(
            capture.subject,
            capture.session,
            capture.photos,
            capture.cameras,
            capture.name,
            capture.created,
            notes="",
        )
        try:
            records.append(library.add_capture(new, silent, cancel))
        except (Cancelled, OutputError):
            raise
        except FaceStudioError as error:
            failed.append(Skipped(next(iter(capture.photos.values())), str(error)))
    progress("import", 1.0, f"{len(records)} captures")
    return Imported(tuple(records), tuple(failed))


def _in_place(place: Place, skipped: list[Skipped]) -> Iterator[ProposedCapture]:
    """The captures among photos that lie together."""
    told = sort_by_name(place.photos)
    skipped += [Skipped(path, "There is another photo of that view.") for path in told.repeated]
    groups = [*told.captures, *_by_threes(told.unnamed, skipped)]
    # One stray photo beside complete triplets ("portrait_f.jpg") is a capture of one view; the operator sees and decides.
    for group in groups:
        subject, session, name = _names(place, group, alone=len(groups) == 1)
        taken = _taken(next(iter(group.photos.values())))
        yield ProposedCapture(
            subject=subject,
            session=session or f"{taken or datetime.now():%Y-%m-%d}",
            photos=group.photos,
            name=name,
            cameras=place.cameras,
            created=taken,
            certain=group.certain,
        )


def _by_threes(photos: list[Path], skipped: list[Skipped]) -> Iterator[NamedPhotos]:
    """Photos without telling names: up to three are one capture; more are captures of three in the order of their names."""
    if len(photos) > 3 and len(photos) % 3:
        reason = f"{len(photos)} photos without left, front or right in their names are no triplets. Name them, or drop three at a time."
        skipped.append(Skipped(photos[0].parent, reason))
        return
    for start in range(0, len(photos), 3):
        three = photos[start : start + 3]
        yield NamedPhotos("" if len(photos) <= 3 else three[0].stem, dict(zip(ViewName, three, strict=False)), certain=False)


def _names(place: Place, group: NamedPhotos, alone: bool) -> tuple[str, str, str | None]:
    """(subject, session or "", capture or None) from the folders above: .../subject/session/capture, as many as there are.

    The dropped folder itself names the subject only when photos lie right in it; else it is a folder of subjects.
    """
    below = place.above[1:]
    if len(below) >= 3:
        return below[0], below[1], " ".join((*below[2:], *([group.base] if group.base else [])))
    if len(below) == 2:
        return below[0], below[1], group.base or None
    if len(below) == 1:
        return below[0], "", group.base or None
    if group.base:
        return group.base, "", None  # a folder of triplets: each is a person, until the operator says otherwise
    if place.above and alone:
        return place.above[0], "", None
    return next(iter(group.photos.values())).parent.name or "subject", "", None


def _taken(photo: Path) -> datetime | None:
    """When a photo was taken: as the camera says, else as the file says."""
    from PIL import ExifTags, Image

    try:
        with Image.open(photo) as picture:
            said = str(picture.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal, ""))
        return datetime.strptime(said, "%Y:%m:%d %H:%M:%S")
    except (OSError, ValueError, SyntaxError, TypeError, Image.DecompressionBombError):
        pass
    try:
        return datetime.fromtimestamp(photo.stat().st_mtime).replace(microsecond=0)
    except OSError:
        return None


def _checked(
    found: list[ProposedCapture],
    skipped: list[Skipped],
    library: Library | None,
    progress: Progress,
    cancel: CancelToken,
    order: Order,
) -> Proposal:
    kept: list[ProposedCapture] = []
    seen: dict[frozenset[str], str] = {}
    for k, raw in enumerate(found):
        cancel.check()
        first = next(iter(raw.photos.values()))
        progress("read", 0.1 + 0.9 * k / len(found), first.name)
        whole = _readable_ones(raw, skipped, cancel)
        if not whole.photos:
            continue
        try:
            capture = _hashed(_with_cameras(whole if whole.certain else _ordered(whole, order)), cancel)
        except PictureError as error:
            skipped.append(Skipped(first, error.what))
            continue
        except OSError as error:
            skipped.append(Skipped(first, f"It cannot be read ({said_by_system(error)})."))
            continue
        key = frozenset(capture.hashes.values())
        if key in seen:
            skipped.append(Skipped(first.parent, f"These are the same photos as those of {seen[key]}."))
            continue
        seen[key] = capture.name or capture.subject
        kept.append(replace(capture, known_as=_known_as(capture, library)))
    progress("read", 1.0, f"{len(kept)} captures")
    return Proposal(tuple(kept), tuple(skipped))


def _readable_ones(capture: ProposedCapture, skipped: list[Skipped], cancel: CancelToken) -> ProposedCapture:
    """The capture without the files that are no whole pictures, each of which is skipped with its reason.

    Now, while the operator still has the camera's card at hand, and not when the head is made.
    """
    kept = {}
    for view, path in capture.photos.items():
        cancel.check()
        reason = _unreadable(path)
        if reason:
            skipped.append(Skipped(path, reason))
        else:
            kept[view] = path
    return capture if len(kept) == len(capture.photos) else replace(capture, photos=kept)


def _unreadable(path: Path) -> str:
    """Why a file is no whole picture, or nothing. A JPEG is read at an eighth of its size, which is quick and misses no cut."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.draft("L", (picture.width // 8, picture.height // 8))
            picture.load()
    except UnidentifiedImageError:
        from facestudio.pipeline.read_picture import read_picture  # late: it knows more kinds, and imports OpenCV

        try:
            read_picture(path)
        except PictureError as error:
            return error.what
    except Image.DecompressionBombError:
        return f"{path.name} is too large to be a photo."
    except OSError as error:
        if error.strerror:
            return f"It cannot be read ({error.strerror})."
        return f"{path.name} is damaged or cut off ({error})."
    except (SyntaxError, ValueError, EOFError) as error:
        return f"{path.name} is damaged or cut off ({error})."
    return ""


def _ordered(capture: ProposedCapture, order: Order) -> ProposedCapture:
    try:
        photos, notes = order(tuple(capture.photos.values()))
    except (PictureError, Cancelled):
        raise
    except FaceStudioError as error:
        return replace(capture, notes=(*capture.notes, f"The views are in the order of the names: {error.what}"))
    return replace(capture, photos={v: photos[v] for v in ViewName if v in photos}, notes=(*capture.notes, *notes))


def _with_cameras(capture: ProposedCapture) -> ProposedCapture:
    if capture.cameras is None:
        return capture
    from facestudio.pipeline.cameras_file import read_cameras

    try:
        absent = set(capture.photos) - set(read_cameras(capture.cameras))
    except FaceStudioError as error:
        return replace(capture, cameras=None, notes=(*capture.notes, f"Without its cameras: {error.what}"))
    if absent:
        note = f"Without its cameras: {capture.cameras.name} has no {', '.join(sorted(absent))} camera."
        return replace(capture, cameras=None, notes=(*capture.notes, note))
    return capture


def _hashed(capture: ProposedCapture, cancel: CancelToken) -> ProposedCapture:
    hashes = {}
    for view, path in capture.photos.items():
        cancel.check()
        with path.open("rb") as file:
            hashes[view] = hashlib.file_digest(file, "sha256").hexdigest()
    if len(set(hashes.values())) < len(hashes):
        return replace(capture, hashes=hashes, notes=(*capture.notes, "The same photo stands for two views."))
    return replace(capture, hashes=hashes)


def _known_as(capture: ProposedCapture, library: Library | None) -> str:
    """Where the library has all of these photos already."""
    if library is None:
        return ""
    known = library.duplicates(sorted(set(capture.hashes.values())))
    places = {record.path: record for record in known.values()}
    if len(places) != 1 or set(known) != set(capture.hashes.values()):
        return ""
    (record,) = places.values()
    return f"{record.subject}, {record.session}, {record.name}"
