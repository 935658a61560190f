"""One update of CaPTURe: which picture meets which, and whose weights learn."""

from __future__ import annotations

import torch

from capture.methods.build import build_method
from tests.conftest import tiny_config


def random_batch(count: int = 2, size: int = 32) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return {name: torch.rand(count, 3, size, size) * 2 - 1 for name in ("identity", "real", "pose", "target")}


class TestUpdate:
    def test_fusion_and_reconstruction_get_the_right_inputs(self):
        """fusion = G(x, p); reconstruction = G(y, x), which is to be x."""
        method, batch, calls = build_method(tiny_config()), random_batch(), []

        def generator(inputs, noise):
            calls.append(inputs)
            return method.networks["gen"](inputs, noise)

        method.trained["gen"] = generator
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        method.loss("gen", batch, noise, None)
        (inputs,) = calls
        assert torch.equal(inputs["identity"], torch.cat([batch["identity"], batch["real"]]))
        assert torch.equal(inputs["pose"], torch.cat([batch["pose"], batch["identity"]]))

    def test_pairs_of_the_discriminator(self):
        """Real (x, y); fake (fusion, y) and (reconstruction, y)."""
        method, batch, calls = build_method(tiny_config()), random_batch(), []

        def discriminator(pair):
            calls.append(pair)
            return method.networks["disc"](pair)

        method.trained["disc"] = discriminator
        method.trained["gen"] = lambda inputs, noise: torch.cat([batch["pose"], batch["target"]])
        method.loss("disc", batch, method.sample_noise(2, torch.Generator().manual_seed(0)), None)
        images, references = calls[0].chunk(2, dim=1)
        assert torch.equal(images, torch.cat([batch["identity"], batch["pose"], batch["target"]]))
        assert torch.equal(references, torch.cat([batch["real"]] * 3))

    def test_the_reconstruction_is_compared_with_the_identity(self):
        method, batch = build_method(tiny_config()), random_batch()
        method.trained["gen"] = lambda inputs, noise: torch.cat([batch["target"], batch["pose"]])
        _, metrics = method.loss("gen", batch, method.sample_noise(2, torch.Generator().manual_seed(0)), None)
        torch.testing.assert_close(metrics["G_recon"], (batch["pose"] - batch["identity"]).abs().mean())

    def test_the_weights_of_the_losses(self):
        """L_G = 15 L1(reconstruction, x) + the adversarial loss; L_D has weight 1."""
        method, batch = build_method(tiny_config()), random_batch()
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        loss, metrics = method.loss("gen", batch, noise, None)
        torch.testing.assert_close(loss, 15 * metrics["G_recon"] + metrics["G_gan"])
        loss, metrics = method.loss("disc", batch, noise, None)
        torch.testing.assert_close(loss, metrics["D_real"] + metrics["D_fake"])

    def test_the_discriminators_update_leaves_the_generator_alone(self):
        method = build_method(tiny_config())
        noise = method.sample_noise(2, torch.Generator().manual_seed(0))
        cache = {}
        loss, _ = method.loss("disc", random_batch(), noise, cache)
        loss.backward()
        assert all(p.grad is None for p in method.networks["gen"].parameters())
        assert all(p.grad is not None for p in method.networks["disc"].parameters())
        method.networks["disc"].zero_grad(set_to_none=True)
        loss, _ = method.loss("gen", random_batch(), noise, cache)  # the same pictures can still be learnt from
        loss.backward()
        assert all(p.grad is not None for p in method.networks["gen"].parameters())
        assert all(p.grad is None for p in method.networks["disc"].parameters())
