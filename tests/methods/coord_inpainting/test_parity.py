"""Agreement with the release's modules: reference tensors made by running them (../shared/reference/coordinpaint)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from capture.data.iuv.densepose import convert_densepose
from capture.methods.coord_inpainting.generator import CoordinateInpainting
from capture.methods.coord_inpainting.grids import Convention
from capture.methods.coord_inpainting.inpainter import GatedBlock, Inpainter
from capture.methods.coord_inpainting.options import CoordInpaintingConfig
from capture.methods.coord_inpainting.published import (
    SETTINGS,
    load_inpainter,
    load_refiner,
    read_state,
)
from capture.methods.coord_inpainting.refiner import (
    FinalLayer,
    Refiner,
    SpectralBlock,
    advance_power_iteration,
)
from capture.methods.coord_inpainting.splatting import splat, splat_sums

TOLERANCE = 1e-4
RELEASE = Convention("release")
WIDTHS = {"inpainter_width": 8, "refiner_width": 16}


@pytest.fixture(scope="module")
def reference():
    folder = Path(__file__).resolve().parents[4] / "shared" / "reference" / "coordinpaint"
    if not folder.is_dir():
        pytest.skip("no reference tensors beside this checkout")
    return folder


def read(folder: Path, name: str) -> dict[str, Tensor]:
    return load_file(folder / f"{name}.safetensors")


def below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def assert_same(ours: Tensor, theirs: Tensor, tolerance: float = TOLERANCE) -> None:
    assert ours.shape == theirs.shape
    assert (ours.double() - theirs.double()).abs().max() <= tolerance


def spectral(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.replace(".module.", ".").replace("weight_bar", "weight_orig"): value for name, value in state.items()}


def networks(reference: Path, align_corners: bool = False, iterate: bool = True) -> CoordinateInpainting:
    options = {**CoordInpaintingConfig().model_dump(), **SETTINGS, **WIDTHS, "align_corners": align_corners}
    generator = CoordinateInpainting({**options, "stage": "joint"}, 64)
    load_inpainter(below(read(reference, "04_inpainter_ngf8"), "sd."), generator.inpainter, "04")
    state = below(read(reference, "05_refiner_ngf16"), "sd.")
    if iterate:
        load_refiner(state, generator.refiner, "05")
    else:
        generator.refiner.load_state_dict(spectral(state))
    return generator


class TestIuvConversion:
    def test_lookup_and_nan(self, reference):
        tensors = read(reference, "01_iuv_conversion")
        ours = torch.from_numpy(convert_densepose(tensors["png_rgb"].numpy(), tensors["table"].numpy()))
        assert ours.dtype == torch.float64
        assert torch.equal(ours.isnan(), tensors["uv"].isnan())
        assert_same(ours.nan_to_num(), tensors["uv"].nan_to_num())


class TestSplat:
    @pytest.mark.parametrize("tag, size", [("same", (20, 20)), ("t24", (24, 24)), ("h24w16", (24, 16))])
    def test_textures_of_several_sizes(self, reference, tag, size):
        tensors = read(reference, "02_splat")
        total, weight = splat_sums(tensors["x"], tensors["uv"], size, RELEASE)
        assert_same(total, tensors[f"{tag}.numerator"])
        assert_same(weight, tensors[f"{tag}.weight"])
        assert_same(splat(tensors["x"], tensors["uv"], size, RELEASE)[0], tensors[f"{tag}.out"])

    def test_mesh(self, reference):
        assert_same(RELEASE.mesh(20, 20), read(reference, "02_splat")["meshgrid_20"])


class TestBlocks:
    @pytest.mark.parametrize(
        "tag, block",
        [("gated_k5", (6, 8, 5)), ("gated_s2", (6, 8, 3, 2)), ("gated_d8", (6, 8, 3, 1, 8))],
    )
    def test_gated_block(self, reference, tag, block):
        tensors, gated = read(reference, "03_blocks"), GatedBlock(*block)
        gated.load_state_dict(below(tensors, f"{tag}.before."))
        assert_same(gated.train()(tensors["x"]), tensors[f"{tag}.train_out"])
        for name, value in below(tensors, f"{tag}.after.").items():
            assert_same(gated.state_dict()[name], value)
        assert_same(gated.eval()(tensors["x"]), tensors[f"{tag}.eval_out"])

    @pytest.mark.parametrize(
        "tag, block",
        [
            ("conv_sn_s2", (SpectralBlock, 6, 8, 3, 2)),
            ("conv_sn_k5", (SpectralBlock, 6, 8, 5)),
            ("final_sn", (FinalLayer, 6, 3)),
        ],
    )
    def test_spectral_block(self, reference, tag, block):
        tensors = read(reference, "03_blocks")
        layer = block[0](*block[1:]).eval()
        layer.load_state_dict(spectral(below(tensors, f"{tag}.before.")))
        for call in (1, 2):
            if f"{tag}.out{call}" in tensors:
                advance_power_iteration(layer)
                assert_same(layer(tensors["x"]), tensors[f"{tag}.out{call}"])
            if call == 1:
                for name, value in spectral(below(tensors, f"{tag}.after1.")).items():
                    assert_same(layer.state_dict()[name], value)


class TestInpainter:
    def test_evaluation_and_intermediate_features(self, reference):
        tensors, network = read(reference, "04_inpainter_ngf8"), Inpainter(8)
        load_inpainter(below(tensors, "sd."), network, "04")
        network.eval()
        seen = {}
        for number in (1, 4, 12, 15):
            getattr(network, f"gate{number}").register_forward_hook(
                lambda _, args, out, number=number: seen.__setitem__(number, (args[0], out))
            )
        for number in (13, 14):
            getattr(network, f"gate{number}").register_forward_hook(
                lambda _, args, out, number=number: seen.__setitem__(number, (args[0], out))
            )
        out = network(tensors["x"])
        assert_same(out, tensors["out_eval"])
        assert_same(out.tanh(), tensors["tanh_out_eval"])
        for element, gate in ((0, 1), (3, 4), (11, 12), (16, 15)):
            assert_same(seen[gate][1][:1], tensors[f"after_sequence_{element}"])
        for element, gate in ((12, 13), (14, 14)):  # upsamplings: what the next gate receives
            assert_same(seen[gate][0][:1], tensors[f"after_sequence_{element}"])

    def test_training_mode(self, reference):
        tensors, network = read(reference, "04_inpainter_ngf8"), Inpainter(8)
        load_inpainter(below(tensors, "sd."), network, "04")
        assert_same(network.train()(tensors["x"]), tensors["out_train"])
        for name, value in below(tensors, "after_train.").items():
            assert_same(network.state_dict()[name], value)


class TestRefiner:
    def outputs(self, reference, align_corners=False):
        tensors = read(reference, "05_refiner_ngf16")
        network = Refiner(16, Convention("release", align_corners)).eval()
        load_refiner(below(tensors, "sd."), network, "05")
        return tensors, network, lambda: network(*(tensors[n] for n in ("source", "target", "warp", "mask")))

    def test_first_call_with_features(self, reference):
        tensors, network, call = self.outputs(reference)
        names = {name.removeprefix("ac0_call1.feat.") for name in tensors if name.startswith("ac0_call1.feat.")}
        seen = {}
        for name in names:
            getattr(network, name).register_forward_hook(
                lambda _, args, out, name=name: seen.__setitem__(name, (args[0], out))
            )
        assert_same(call(), tensors["ac0_call1.out"])
        assert len(names) == 16
        for name in names:
            assert_same(seen[name][1][:1], tensors[f"ac0_call1.feat.{name}"])
        for number in (1, 2, 3):
            warped = seen[f"dec{number}"][0][:1, -16:]
            assert_same(warped, tensors[f"ac0_call1.warped_source_in_dec{number}"])
        for name, value in spectral(below(tensors, "after_call1.")).items():
            assert_same(network.state_dict()[name], value)

    def test_second_call_of_the_release_takes_another_power_iteration(self, reference):
        tensors, network, call = self.outputs(reference)
        advance_power_iteration(network)
        assert_same(call(), tensors["ac0_call2.out"])

    def test_evaluation_does_not_depend_on_the_number_of_calls(self, reference):
        _, _, call = self.outputs(reference)
        assert torch.equal(call(), call())

    def test_align_corners(self, reference):
        tensors, _, call = self.outputs(reference, True)
        assert_same(call(), tensors["ac1_call1.out"])


class TestPipeline:
    @pytest.mark.parametrize("align_corners", [False, True])
    def test_every_intermediate_tensor(self, reference, align_corners):
        tensors, tag = read(reference, "06_pipeline"), f"ac{int(align_corners)}."
        generator = networks(reference, align_corners).eval()
        before = {name: tensors[name].clone() for name in ("source_img", "source_uv", "target_uv")}
        inputs = {"identity": 2 * tensors["source_img"] - 1, "identity_uv": tensors["source_uv"]}
        with torch.no_grad():
            details = generator({**inputs, "target_uv": tensors["target_uv"]}, details=True)
            source, target = generator.refiner_inputs(details.texture, details.warped)
        texture, warped = details.texture, details.warped
        picture, uv = tensors["source_img"] * texture.mask, tensors["source_uv"].nan_to_num(-10.0)
        mesh = RELEASE.mesh(64, 64).expand(2, -1, -1, -1)
        ours = {
            "source_xy_textures": texture.xy_partial,
            "inpainter_input": torch.cat([texture.xy_partial, texture.known, mesh], dim=1),
            "inpainted_xy": texture.xy,
            "source_textures": splat(picture, uv, (64, 64), RELEASE)[0],
            "pred_textures": texture.colours,
            "pred_img": warped.picture,
            "target_xy": warped.xy,
            "target_mask": warped.mask,
            "refiner_source": source,
            "refiner_target": target,
            "refined": (details.image + 1) / 2,
        }
        assert set(below(tensors, tag)) == set(ours)
        for name, value in ours.items():
            assert_same(value, tensors[tag + name])
        for name, value in before.items():  # the release overwrites NaN in its inputs
            assert torch.equal(tensors[name].isnan(), value.isnan())

    def test_gradients(self, reference):
        tensors, expected = read(reference, "06_pipeline"), read(reference, "07_gradients")
        generator = networks(reference, iterate=False).train()
        picture = tensors["source_img"]
        inputs = {"identity": 2 * picture - 1, "identity_uv": tensors["source_uv"], "target_uv": tensors["target_uv"]}
        details = generator(inputs, details=True)
        refined, xy, partial = (details.image + 1) / 2, details.texture.xy, details.texture.xy_partial
        known = (partial.abs().sum(1, keepdim=True) > 0).float()
        loss = (refined - picture.flip(3)).square().mean() + (details.warped.picture - picture.flip(3)).abs().mean()
        loss = loss + ((xy - partial).square() * known).mean()
        assert_same(loss.reshape(1), expected["loss"])
        assert_same(refined, expected["refined_train"])
        assert_same(xy, expected["inpainted_xy_train"])
        loss.backward()
        ours = {name: p.grad for name, p in generator.inpainter.named_parameters()}
        ours |= {f"R.{name}": p.grad for name, p in generator.refiner.named_parameters()}
        compared = 0
        for name, value in expected.items():
            kind, _, rest = name.partition(".")
            parameter = rest.replace(".module.", ".").replace("weight_bar", "weight_orig")
            if kind == "grad":
                scale = value.abs().max()
                assert_same(ours[parameter] / scale, value / scale, 2e-3)
                compared += 1
            elif kind == "gradnorm" and not (parameter.startswith("R.") and parameter.endswith("conv.bias")):
                # biases before an instance norm have no gradient but rounding noise
                norm = ours[parameter].norm()
                assert abs(norm - value.item()) <= 2e-3 * abs(value.item()), parameter
                compared += 1
        assert compared > 100


class TestFullSize:
    def fill(self, reference, kind):
        """The state dict of the formula in the reference's README."""
        state, k = {}, 0
        for name, shape, _ in json.loads((reference / f"keys_{kind}.json").read_text()):
            if name.startswith("sequence.") or name.endswith("num_batches_tracked"):
                continue
            i = torch.arange(max(1, torch.Size(shape).numel()), dtype=torch.float64)
            if name.endswith("norm.weight"):
                value = 1 + 0.1 * torch.sin(i + k)
            elif name.endswith("running_mean"):
                value = 0.05 * torch.cos(i + k)
            elif name.endswith("running_var"):
                value = 1 + 0.2 * torch.cos(i + k)
            elif name.endswith("bias"):
                value = 0.05 * torch.sin(i + k)
            elif name.endswith(("weight_u", "weight_v")):
                value = (torch.sin if name.endswith("u") else torch.cos)(i + 1 + k)
                value = value / value.norm()
            else:
                n = i.long()
                gain, fan_in = (40 if "conv_f" in name else 24), len(n) / shape[0]
                value = ((7919 * n * n + 104729 * n + 1299709 * k) % 65521).double() / 65521 - 0.5
                value = value * (gain / fan_in) ** 0.5
            state[name] = value.float().reshape(shape)
            k += 1
        return state

    def wave(self, channels):
        j = torch.arange(channels, dtype=torch.float64)[:, None, None]
        y, x = (torch.arange(256, dtype=torch.float64).reshape(shape) for shape in ((1, 256, 1), (1, 1, 256)))
        return torch.sin(0.05 * (j + 1) * x + 0.03 * (j + 2) * y).float()[None]

    def compare(self, out, tensors, kind):
        assert_same(out[..., ::4, ::4], tensors[f"{kind}.out_every4"])
        assert_same(out.mean(dim=(2, 3)), tensors[f"{kind}.mean"])
        assert_same(out.std(dim=(2, 3)), tensors[f"{kind}.std"])

    def test_inpainter(self, reference):
        network = Inpainter(32).eval()
        load_inpainter(self.fill(reference, "inpainter"), network, "formula")
        assert sum(p.numel() for p in network.parameters()) == 2_824_866
        with torch.no_grad():
            self.compare(network(self.wave(5)), read(reference, "08_full_size_formula"), "inpainter")

    def test_refiner(self, reference):
        network = Refiner(256, RELEASE).eval()
        load_refiner(self.fill(reference, "refiner"), network, "formula")
        assert sum(p.numel() for p in network.parameters()) == 11_332_611
        x = torch.arange(256.0)
        mask = ((((x[None] - 120) / 70) ** 2 + ((x[:, None] - 130) / 100) ** 2) < 1).float()[None, None]
        with torch.no_grad():
            out = network(self.wave(8), self.wave(10), 0.9 * self.wave(2) * mask, mask)
        self.compare(out, read(reference, "08_full_size_formula"), "refiner")

    @pytest.mark.parametrize("kind", ["inpainter", "refiner"])
    def test_names_and_shapes(self, reference, kind):
        network = Inpainter(32) if kind == "inpainter" else Refiner(256)
        expected = {
            name.replace(".module.", ".").replace("weight_bar", "weight_orig"): shape
            for name, shape, _ in json.loads((reference / f"keys_{kind}.json").read_text())
            if not name.startswith("sequence.")
        }
        assert {name: list(value.shape) for name, value in network.state_dict().items()} == expected


class TestCheckpointFiles:
    @pytest.mark.parametrize("kind", ["inpainter", "refiner"])
    @pytest.mark.parametrize("form", ["zip", "legacy"])
    def test_both_formats(self, reference, kind, form):
        state = read_state(reference / f"{kind}_ngf4.{form}.pth")
        expected = read(reference, f"{kind}_ngf4.expected")
        assert set(state) == set(expected)
        for name, value in expected.items():
            assert torch.equal(state[name], value)
        network = Inpainter(4) if kind == "inpainter" else Refiner(4)
        (load_inpainter if kind == "inpainter" else load_refiner)(state, network, "file")
        name = "gate9.conv_m.weight" if kind == "inpainter" else "dec2.conv.weight_orig"
        theirs = "gate9.conv_m.weight" if kind == "inpainter" else "dec2.conv.module.weight_bar"
        assert torch.equal(network.state_dict()[name], expected[theirs])
