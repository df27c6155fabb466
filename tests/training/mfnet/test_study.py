"""How wrong a network's identities are, as measured on captures with truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facestudio.head.model import HeadModel
from facestudio.reconstruct.identity_evidence import without_prior
from facestudio.reconstruct.mfnet.network import mfnet_for
from facestudio.training.mfnet.study import identity_error
from facestudio.training.mfnet.triplets import SyntheticTriplets
from tests.training.mfnet.test_losses_and_train import TINY, batch_of, perfect


def test_who_always_says_average_is_no_witness_and_who_errs_by_half_is_one(
    head: HeadModel, triplets: SyntheticTriplets, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, net = batch_of(triplets), mfnet_for(head, TINY)
    assert batch.truth is not None
    true = batch.truth.identity

    def says(identity: torch.Tensor) -> None:
        answer = replace(perfect(batch), identity=identity)
        monkeypatch.setattr("facestudio.training.mfnet.study.predict", lambda *_: answer)

    says(torch.zeros_like(true))
    nothing = identity_error(net, [batch])
    np.testing.assert_array_equal(nothing.error, nothing.spread)
    np.testing.assert_allclose(nothing.spread, true.double().square().mean(0).sqrt())
    assert not without_prior(np.ones(len(nothing.error)), nothing).precision.any()
    says(0.5 * true)
    half = identity_error(net, [batch])
    np.testing.assert_allclose(half.error, 0.5 * half.spread, rtol=1e-5)
    assert (without_prior(np.ones(len(half.error)), half).precision > 0.0).all()


def test_it_needs_truth(head: HeadModel, triplets: SyntheticTriplets) -> None:
    with pytest.raises(ValueError, match="no capture with truth"):
        identity_error(mfnet_for(head, TINY), [replace(batch_of(triplets), truth=None)])
