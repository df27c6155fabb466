"""Work that a dead process left behind: found at the start, said once, and run again if the operator wishes."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton

from facestudio.app.context import AppContext
from facestudio.app.reconstruction import start_reconstruction
from facestudio.app.report import Problem
from facestudio.app.strings import tr
from facestudio.app.widgets.error_shelf import ErrorCard, ErrorShelf
from facestudio.library.records import CaptureRecord


def offer_interrupted(context: AppContext, shelf: ErrorShelf) -> ErrorCard | None:
    """A card for the captures whose reconstruction was cut off, with a button that runs them again; None when there is none."""
    found = [record for record in context.library.interrupted() if context.jobs.job_for(record.path) is None]
    if not found:
        return None
    one = tr("A reconstruction was cut off the last time: {name}.", name=_name(found[0]))
    many = tr("{count} reconstructions were cut off the last time.", count=len(found))
    remedy = tr("The photos are safe. Run again, or later from the library.")
    details = "\n".join(f"{_name(record)}: {record.path}" for record in found)
    card = shelf.add(Problem(one if len(found) == 1 else many, remedy, details, expected=True))
    button = QPushButton(tr("Run again"), card)
    button.setProperty("look", "primary")

    def run_again() -> None:
        from facestudio.pipeline.reconstruct_capture import settings_of

        for record in found:
            start_reconstruction(context, record.path, settings_of(record.job))
        card.dismiss()

    button.clicked.connect(run_again)
    card.action(button)
    return card


def _name(record: CaptureRecord) -> str:
    return f"{record.subject}, {record.name}"
