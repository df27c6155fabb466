"""One head model and one made data set for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.reconstruct.mfnet.mirror import Mirror, mirror_of
from facestudio.training.mfnet.triplets import SyntheticTriplets
from tests.training.mfnet.made import made_dataset


@pytest.fixture(scope="session")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="session")
def mirror(head: HeadModel) -> Mirror:
    return mirror_of(head, 150, 52)


@pytest.fixture(scope="session")
def data(head: HeadModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_dataset(tmp_path_factory.mktemp("data") / "triplets", head)


@pytest.fixture(scope="session")
def triplets(head: HeadModel, mirror: Mirror, data: Path) -> SyntheticTriplets:
    return SyntheticTriplets([data], head, mirror, 64, 150, 52, hold_out=3)
