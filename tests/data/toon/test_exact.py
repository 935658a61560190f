"""Functions that give the same bits on every kind of processor: they are right, and code paths agree on them."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from capture.data.toon import exact

VALUES = torch.from_numpy(np.random.default_rng(0).uniform(-4, 4, 1003).astype(np.float32))
SHARES = VALUES / 4

CASES = {
    "sin": (lambda: exact.sin(VALUES), np.sin(VALUES.double().numpy())),
    "cos": (lambda: exact.cos(VALUES), np.cos(VALUES.double().numpy())),
    "sqrt": (lambda: exact.sqrt(VALUES.abs()), np.sqrt(VALUES.abs().numpy())),  # a processor's own, which is exact
    "acos": (lambda: exact.acos(SHARES), np.arccos(SHARES.double().numpy())),
    "atan2": (lambda: exact.atan2(VALUES, SHARES), np.arctan2(VALUES.double().numpy(), SHARES.double().numpy())),
    "power": (lambda: exact.power(VALUES.abs(), 4 / 3), np.abs(VALUES.double().numpy()) ** (4 / 3)),
}
DIGEST = """
import hashlib, numpy as np, torch
from capture.data.toon import exact
r = np.random.default_rng(0)
a, b, c = (torch.from_numpy(r.standard_normal(20011).astype(np.float32)) for _ in range(3))
p = a.abs()
made = (exact.sqrt(p), exact.sin(a), exact.cos(a), exact.acos(a / 8), exact.atan2(a, b), exact.power(p, 4 / 3))
made += (exact.power(p, 0.75), exact.fourth(a), exact.product_sum(a, b, c))
digest = hashlib.sha256()
for values in made:
    digest.update(values.numpy().tobytes())
print(digest.hexdigest())
"""


class TestExact:
    @pytest.mark.parametrize("name", CASES)
    def test_the_result_is_the_float64_one_rounded(self, name):
        function, expected = CASES[name]
        assert function().dtype == torch.float32
        np.testing.assert_array_equal(function().numpy(), expected.astype(np.float32))

    def test_products_are_rounded_one_after_the_other(self):
        a, b, c = VALUES, VALUES.flip(0), SHARES
        expected = (a.numpy() + (b.numpy() * c.numpy()).astype(np.float32)).astype(np.float32)
        np.testing.assert_array_equal(exact.product_sum(a, b, c).numpy(), expected)
        square = (a.numpy() * a.numpy()).astype(np.float32)
        np.testing.assert_array_equal(exact.fourth(a).numpy(), (square * square).astype(np.float32))

    @pytest.mark.slow
    def test_instruction_sets_agree_to_the_last_bit(self):
        """float32 atan2, pow, addcmul and MKL's sqrt differ between these, which is why exact has others.

        This process has the best instructions of the processor, or those that `make test-portable` says.
        """
        with contextlib.redirect_stdout(io.StringIO()) as here:
            exec(DIGEST, {})
        other = "avx2" if os.environ.get("ATEN_CPU_CAPABILITY") == "default" else "default"
        environment = {**os.environ, "ATEN_CPU_CAPABILITY": other, "MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True)
        assert done.stdout == here.getvalue() and len(done.stdout) == 64 + 1
