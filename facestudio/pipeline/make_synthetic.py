"""Fill a folder with synthetic photographs and their truth: in parallel, shard by shard, and again from where it stopped."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

from facestudio.atomic import check_folder
from facestudio.errors import Cancelled, FaceStudioError
from facestudio.head.store import load_head
from facestudio.progress import CancelToken, Progress, silent
from facestudio.training.synth.factory import FactoryConfig, make_subject, pack, wearer_for
from facestudio.training.synth.shard import shard_path, write_description, write_shard

_STAGE = "Photographing"


@dataclass(frozen=True)
class Made:
    """What a run did: shards that exist now, and pictures taken in this run."""

    folder: Path
    shards: int
    pictures: int


def make_synthetic(
    out: Path,
    config: FactoryConfig,
    assets: Path | None = None,
    workers: int = 2,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Made:
    """Make the data set that `config` describes in the folder `out`; shards that exist are left as they are.

    assets: MakeHuman's CC0 assets; None or a missing folder for skins of our own making and no hair. The number of workers changes
    nothing but the time. Raises DatasetError when `out` holds another data set, OutputError when the disk refuses, Cancelled.
    """
    cancel = cancel or CancelToken()
    check_folder(out)
    model = load_head(config.head)
    dressed = assets is not None and assets.is_dir()
    sizes = {"identity": model.identity_basis.shape[2], "expression": len(model.expression_names)}
    write_description(out, asdict(config) | sizes | {"head_name": model.name, "head_sha256": model.sha256, "assets": dressed})
    wanted = [n for n in range(config.shards) if not shard_path(out, n).is_file()]
    total, done = len(wanted), 0
    progress(_STAGE, 0.0, f"{config.shards - total} of {config.shards} shards exist" if total < config.shards else "")
    folder = str(assets) if dressed else ""
    results = (
        _here(wanted, out, config, folder, cancel) if workers <= 1 else _there(wanted, out, config, folder, workers, cancel)
    )
    pictures = 0
    for count in results:
        done, pictures = done + 1, pictures + count
        progress(_STAGE, done / max(total, 1), f"shard {done} of {total}")
    progress(_STAGE, 1.0, "")
    return Made(out, config.shards, pictures)


def _here(wanted: list[int], out: Path, config: FactoryConfig, assets: str, cancel: CancelToken) -> Iterator[int]:
    for number in wanted:
        yield _make_shard(number, out, config, assets, cancel.check)


def _there(
    wanted: list[int], out: Path, config: FactoryConfig, assets: str, workers: int, cancel: CancelToken
) -> Iterator[int]:
    """The same by processes, spawned so that they share nothing with threads of ours; as few shards wait as there are workers."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(min(workers, max(len(wanted), 1)), context, _remember, (stop,)) as pool:
        try:
            running: set[Future[int]] = {pool.submit(_work, n, out, config, assets) for n in wanted}
            while running:
                finished, running = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
                if cancel.cancelled:
                    raise Cancelled("Cancelled; the shards that were finished stay.", "The same command goes on with the rest.")
                for future in finished:
                    yield future.result()
        except BrokenProcessPool as error:
            what = "A process of the factory was ended from outside (perhaps memory ran out)."
            raise FaceStudioError(what, "Run the same command again, with fewer --workers.") from error
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


_told: list[Event] = []  # in a process of the pool: what says that it should stop


def _remember(stop: Event) -> None:
    """Runs once in each process. Ctrl-C is the parent's to answer: it sets `stop`."""
    import signal

    _told[:] = [stop]
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(number: int, out: Path, config: FactoryConfig, assets: str) -> int:
    def check() -> None:
        if any(stop.is_set() for stop in _told):
            raise Cancelled

    return _make_shard(number, out, config, assets, check)


def _make_shard(number: int, out: Path, config: FactoryConfig, assets: str, check: Callable[[], None]) -> int:
    """Make shard `number` and write it; returns its number of pictures."""
    check()
    wearer = wearer_for(config.head, assets)
    taken = []
    for subject in config.subjects_of(number):
        check()
        taken.extend(make_subject(wearer, config, subject))
    write_shard(shard_path(out, number), pack(taken))
    return len(taken)
