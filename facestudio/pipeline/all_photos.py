"""More than three photos of a still head: all are measured, and three stand for the capture in texture, report and saved head."""

from __future__ import annotations

from dataclasses import replace

from facestudio.pipeline.job import Job
from facestudio.types import Reconstruction


def with_all_photos(job: Job) -> Job:
    """The job with its further photos behind those of the triplet."""
    if not job.more:
        return job
    note = f"{len(job.triplet.views) + len(job.more)} photos were measured; the texture is that of {len(job.triplet.views)}."
    triplet = replace(job.triplet, views=(*job.triplet.views, *job.more), notes=(*job.triplet.notes, note))
    return replace(job, triplet=triplet, masks=[*job.masks, *job.more_masks], more=(), more_masks=())


def of_triplet(found: Reconstruction, count: int) -> Reconstruction:
    """A head with its first so many photos: what texture, report and saved head can name."""
    return replace(found, views=found.views[:count], cameras=tuple(found.cameras[:count]), quality=tuple(found.quality[:count]))
