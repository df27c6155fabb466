"""Reconstruct many triplets, in this process or in several, so that one failure never stops the others."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Protocol

from facestudio.atomic import write_folder
from facestudio.errors import Cancelled, FaceStudioError, HeadModelError, OutputError
from facestudio.progress import CancelToken, Progress, silent

_POLL_SECONDS = 0.1
# What concerns the folder or the head model would fail for every head alike: it ends the run instead.
_FATAL = (Cancelled, OutputError, HeadModelError)


class BuildHead(Protocol):
    """What reconstructs one head and writes NAME.glb and NAME.json into a folder: `build_head.reconstruct`, or a test's fake."""

    def __call__(
        self,
        photos: Sequence[Path | str],
        out: Path,
        *,
        cameras: Path | None,
        head: str,
        engine: str,
        name: str,
        progress: Progress,
        cancel: CancelToken,
    ) -> object:
        """Raise a FaceStudioError when the photos do not give a head. The result is not looked at; the files are."""


@dataclass(frozen=True)
class Job:
    """One head to build. folder: where its full result goes. meshes: the folder that NAME.glb and NAME.json are copied to."""

    name: str
    photos: tuple[Path, ...]
    cameras: Path | None
    folder: Path
    meshes: Path
    head: str
    engine: str


@dataclass(frozen=True)
class Outcome:
    """seconds: of the reconstruction. failure: None when it succeeded, else one sentence."""

    name: str
    seconds: float
    failure: str | None = None


def run_all(jobs: Sequence[Job], build: BuildHead, processes: int, progress: Progress, cancel: CancelToken) -> list[Outcome]:
    """Build every head; outcomes in the order of the jobs.

    processes: how many heads at a time, each in its own process when more than one; `build` must then be a module's function.
    Raises Cancelled, and OutputError or HeadModelError, which would fail for every head alike.
    """
    run = _run_here(jobs, build, progress, cancel) if processes <= 1 else _run_beside(jobs, build, processes, progress, cancel)
    outcomes = {outcome.name: outcome for outcome in run}
    return [outcomes[job.name] for job in jobs]


def build_one(job: Job, build: BuildHead, progress: Progress, cancel: CancelToken) -> Outcome:
    """Build one head, and copy what is scored beside the others' meshes. A mesh of an earlier run never survives a failure."""
    start = time.perf_counter()
    for suffix in (".glb", ".json"):
        (job.meshes / f"{job.name}{suffix}").unlink(missing_ok=True)
    try:
        build(
            job.photos,
            job.folder,
            cameras=job.cameras,
            head=job.head,
            engine=job.engine,
            name=job.name,
            progress=progress,
            cancel=cancel,
        )
        seconds = time.perf_counter() - start
        _publish(job)
    except _FATAL:
        raise
    except FaceStudioError as error:
        return Outcome(job.name, time.perf_counter() - start, str(error))
    except Exception as error:  # a defect must cost one row, not the whole night's run; it is named as what it is
        return Outcome(job.name, time.perf_counter() - start, f"A defect in FaceStudio: {type(error).__name__}: {error}")
    return Outcome(job.name, seconds)


def _publish(job: Job) -> None:
    written = [job.folder / f"{job.name}{suffix}" for suffix in (".glb", ".json")]
    absent = [path.name for path in written if not path.is_file()]
    if absent:
        raise FaceStudioError(f"The engine {job.engine} wrote no {' and no '.join(absent)}.")

    def copy(staging: Path) -> None:
        for path in written:
            shutil.copyfile(path, staging / path.name)

    write_folder(job.meshes, copy)


def _run_here(jobs: Sequence[Job], build: BuildHead, progress: Progress, cancel: CancelToken) -> Iterator[Outcome]:
    for k, job in enumerate(jobs):
        cancel.check()

        def inner(stage: str, fraction: float, message: str = "", k: int = k, name: str = job.name) -> None:
            # A head's own stages are of unknown length, so they are named, not counted.
            progress("reconstruct", k / len(jobs), f"{name} ({k + 1} of {len(jobs)}): {stage}")

        yield build_one(job, build, inner, cancel)
    progress("reconstruct", 1.0, f"{len(jobs)} heads")


class _SharedCancel(CancelToken):
    """A cancel token whose flag lives in shared memory, so that the parent's Ctrl-C reaches the workers."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self._shared = event

    @property
    def cancelled(self) -> bool:
        return self._shared.is_set()

    def check(self) -> None:
        if self._shared.is_set():
            raise Cancelled


_in_worker: dict[str, CancelToken] = {}  # filled by `_start_worker`, once in each worker process


def _start_worker(event: Event) -> None:
    # A shared event reaches a worker only through its start, never with a job.
    _in_worker["cancel"] = _SharedCancel(event)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to every process; the parent decides


def _build_in_worker(job: Job, build: BuildHead) -> Outcome:
    return build_one(job, build, silent, _in_worker["cancel"])


def _run_beside(
    jobs: Sequence[Job], build: BuildHead, processes: int, progress: Progress, cancel: CancelToken
) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")  # fork would copy locks held by the engines' threads
    event = context.Event()
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker, initargs=(event,)) as pool:
        waiting: dict[Future[Outcome], Job] = {pool.submit(_build_in_worker, job, build): job for job in jobs}
        try:
            while waiting:
                cancel.check()
                done, _ = wait(waiting, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    job = waiting.pop(future)
                    yield _result(future, job)
                    progress("reconstruct", 1.0 - len(waiting) / len(jobs), f"{job.name} ({len(waiting)} to go)")
        except BaseException:
            event.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _result(future: Future[Outcome], job: Job) -> Outcome:
    try:
        return future.result()
    except _FATAL:
        raise
    except Exception as error:  # the worker died: killed for memory, or crashed in native code
        return Outcome(job.name, 0.0, f"The process that built it ended ({type(error).__name__}: {error}).")
