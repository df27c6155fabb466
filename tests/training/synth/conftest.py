"""One head in skins of our own making, as on a machine without any assets."""

from __future__ import annotations

import pytest

from facestudio.training.synth.dress import Wearer
from facestudio.training.synth.factory import wearer_for


@pytest.fixture(scope="session")
def wearer() -> Wearer:
    return wearer_for("open", "")
