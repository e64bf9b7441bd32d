"""How a token is drawn: by the probabilities, within top-p, and the same with the same seed."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from core.engine.inference import sampling
from core.engine.inference.sampling import RowSampler, SamplingParams, sample_rows


def draw(logits: list[float], count: int, **params: Any) -> Counter[int]:
    """How often each token is drawn from the same logits."""
    import torch

    loaded: Any = SimpleNamespace(model=SimpleNamespace(device="cpu"), vocab_size=len(logits))
    sampler = RowSampler(SamplingParams(seed=5, **params), loaded)
    rows = torch.tensor([logits])
    return Counter(token for _ in range(count) for token in sample_rows([sampler], rows) if isinstance(token, int))


@pytest.mark.parametrize("candidates", [2, 4, 1024])
def test_top_p_draws_from_the_likeliest_tokens_however_many_are_looked_at(
    candidates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probabilities 0.5, 0.25, 0.15, 0.1: with top-p 0.8 three are left, as 5 to 2.5 to 1.5."""
    monkeypatch.setattr(sampling, "TOP_P_CANDIDATES", candidates)
    import math

    found = draw([math.log(share) for share in (0.1, 0.5, 0.15, 0.25)], 4000, top_p=0.8)
    assert set(found) == {1, 3, 2}
    assert [found[token] / 4000 for token in (1, 3, 2)] == pytest.approx([5 / 9, 2.5 / 9, 1.5 / 9], abs=0.03)


def test_penalties_count_what_has_come_and_a_bias_is_added() -> None:
    assert draw([1.0, 0.9, 0.0], 2, temperature=0.0, presence_penalty=0.5) == {0: 1, 1: 1}
    assert draw([1.0, 0.9, 0.0], 4, temperature=0.0, frequency_penalty=0.06) == {0: 3, 1: 1}
    assert draw([1.0, 0.9, 0.0], 3, temperature=0.0, logit_bias={2: 100.0}) == {2: 3}
