"""Splatting, grids, and the pipeline's geometry: what warping back has to give."""

from __future__ import annotations

import pytest
import torch

from capture.methods.coord_inpainting.grids import CONVENTIONS, Convention
from capture.methods.coord_inpainting.splatting import splat, splat_sums


@pytest.mark.parametrize("name", CONVENTIONS)
class TestConventions:
    def test_texel_positions_and_back(self, name):
        convention = Convention(name)
        positions = torch.linspace(-1, 9, 17)
        assert torch.allclose(convention.to_texels(convention.from_texels(positions, 8), 8), positions, atol=1e-5)

    def test_splat_of_the_mesh_through_an_identity_map_returns_the_mesh(self, name):
        convention = Convention(name)
        mesh = convention.mesh(12, 12)[None]
        columns = convention.from_texels(torch.arange(12.0), 12)  # u = column, v = row, by the texel's convention
        uv = torch.stack([columns.expand(12, 12), columns[:, None].expand(12, 12)])[None]
        out, known = splat(mesh, uv, (12, 12), convention)
        assert known.all()
        assert torch.allclose(out, mesh, atol=1e-4)

    def test_width_and_height_are_not_exchanged(self, name):
        convention = Convention(name)
        mesh = convention.mesh(6, 10)
        assert mesh.shape == (2, 6, 10)
        assert (mesh[0].diff(dim=1) > 0).all() and (mesh[1].diff(dim=0) > 0).all()
        value = torch.ones(1, 1, 1, 1)
        place = torch.stack(
            [convention.from_texels(torch.tensor(7.0), 10), convention.from_texels(torch.tensor(2.0), 6)]
        )
        out, _ = splat(value, place.view(1, 2, 1, 1), (6, 10), convention)
        assert out[0, 0, 2, 7] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["centres", "corners"])
def test_sampling_at_the_mesh_returns_the_picture(name):
    convention = Convention(name)
    picture = torch.rand(1, 3, 9, 9)
    assert torch.allclose(convention.sample(picture, convention.mesh(9, 9)[None]), picture, atol=1e-5)


class TestSplat:
    convention = Convention("centres")

    def test_pixels_on_one_texel_are_averaged(self):
        uv = self.convention.from_texels(torch.full((1, 2, 1, 2), 3.0), 8)
        out, known = splat(torch.tensor([[[[1.0, 3.0]]]]), uv, (8, 8), self.convention)
        assert out[0, 0, 3, 3] == pytest.approx(2) and known.sum() == 1

    def test_background_is_dropped(self):
        total, weight = splat_sums(torch.ones(1, 1, 4, 4), torch.full((1, 2, 4, 4), -10.0), (8, 8), self.convention)
        assert not total.any() and not weight.any()

    def test_gradients_with_respect_to_values_and_positions(self):
        torch.manual_seed(0)
        values = torch.rand(1, 1, 3, 3, dtype=torch.float32, requires_grad=True)
        uv = (torch.rand(1, 2, 3, 3) * 1.6 - 0.8).requires_grad_(True)
        weights = torch.rand(1, 1, 8, 8)
        loss = (splat_sums(values, uv, (8, 8), self.convention)[0] * weights).sum()
        loss.backward()
        moved = uv.detach().clone()
        moved[0, 0, 1, 1] += 1e-3
        change = (splat_sums(values, moved, (8, 8), self.convention)[0] * weights).sum() - loss
        assert change.item() == pytest.approx(1e-3 * uv.grad[0, 0, 1, 1].item(), rel=0.05, abs=1e-6)
        assert values.grad.abs().min() > 0
