"""A picture of the head as it is seen, kept among the operator's pictures and said in the job strip: no dialog."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QStandardPaths
from PySide6.QtGui import QImage, QImageWriter

from facestudio.app.context import AppContext
from facestudio.app.strings import tr
from facestudio.atomic import write_file
from facestudio.progress import CancelToken, Partial, Progress

FOLDER = "FaceStudio"


def keep(context: AppContext, picture: QImage, name: str) -> None:
    """Write PICTURES/FaceStudio/NAME DATE TIME.png as a job."""
    pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    stamp = datetime.now().strftime("%Y-%m-%d %H-%M-%S")
    path = Path(pictures or Path.home()) / FOLDER / f"{name} {stamp}.png"

    def work(progress: Progress, cancel: CancelToken, partial: Partial) -> Path:
        write_file(path, _png(picture))
        return path

    job = context.jobs.submit(tr("Screenshot"), work, lane="files", kind="screenshot", quiet=True)
    job.done.connect(lambda where: context.navigator.say(tr("Screenshot kept as {path}", path=where)))


def _png(picture: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, b"png").write(picture)
    return bytes(buffer.data().data())
