"""Liquid Warping GAN agrees with the authors' networks, losses and gradients, number by number."""

from __future__ import annotations

import json
from functools import partial

import pytest
import torch
import torchvision

from capture.methods.lwgan import losses
from capture.methods.lwgan.body_model import body_box, face_places, head_box, mesh_flow
from capture.methods.lwgan.discriminator import GlobalLocalDiscriminator, PatchDiscriminator, crop_and_resize
from capture.methods.lwgan.generator import LiquidWarpingGenerator, compose
from capture.methods.lwgan.liquid_warping import LiquidWarping
from capture.methods.lwgan.stream_inputs import background_inputs, erode, source_inputs
from capture.nn.geometry import coordinate_grid, warp
from capture.nn.iuv import resize_flow
from capture.nn.perceptual import Features
from tests.helpers.tiny_lwgan import lwgan_options, reference, reference_generator

agree = partial(torch.testing.assert_close, rtol=0, atol=1e-4)


@pytest.fixture
def io(shared):
    return reference(shared, "generator_io")


@pytest.fixture
def generator(shared):
    return reference_generator(shared)


def rendered(generator, io):
    return generator.render(io["in.src_image"], io["in.src_cond"], io["in.ref_cond"], io["in.T"])


class TestGeneratorParity:
    def test_stream_inputs(self, io):
        image, condition, flag = io["in.src_image"], io["in.src_cond"], io["in.src_cond"][:, -1:]
        agree(background_inputs(image, flag, 15), io["in.bg_inputs"])
        agree(source_inputs(image, condition, flag, 3), io["in.src_inputs"])
        agree(torch.cat([warp(image, io["in.T"], True), io["in.ref_cond"]], dim=1), io["in.tsf_inputs"])
        agree(erode(flag, 3), io["in.src_crop_mask"])
        agree(erode(io["in.ref_cond"][:, -1:], 3), io["in.tsf_crop_mask"])

    def test_streams(self, generator, io):
        source = generator.src_model.encode(io["in.src_inputs"])
        colour, mask = generator.src_model.decode(source)
        background = generator.bg_model(io["in.bg_inputs"])
        agree(background, io["out.img_bg"])
        agree(colour, io["out.src_img"])
        agree(mask, io["out.src_mask"])
        agree(compose(mask, background, colour), io["out.fake_src"])
        warping = LiquidWarping([source], [io["in.T"]])
        colour, mask = generator.tsf_model.decode(generator.tsf_model.encode(io["in.tsf_inputs"], warping))
        agree(colour, io["out.tsf_img"])
        agree(mask, io["out.tsf_mask"])

    def test_every_module(self, generator, io):
        made = {}
        for stream in ("src_model", "tsf_model"):
            for name, module in getattr(generator, stream).named_modules():
                key = f"mid.{stream}.{name}"
                if key in io:  # the transfer's modules return what they make before the warped source is added
                    module.register_forward_hook(lambda _, __, out, key=key: made.update({key: out.clone()}))
        rendered(generator, io)
        assert made.keys() == {key for key in io if key.startswith(("mid.src_model", "mid.tsf_model"))}
        for key, out in made.items():
            agree(out, io[key])

    def test_rendering_composes_all_streams(self, generator, io):
        details = rendered(generator, io)
        agree(details.image, io["out.fake_tsf"])
        agree(details.reconstruction, io["out.fake_src"])
        agree(details.mask, io["out.tsf_mask"])
        agree(details.reconstruction_mask, io["out.src_mask"])

    def test_flow_is_resized_as_a_plain_map(self, io):
        agree(resize_flow(io["in.T"], 8), io["mid.T_8"])
        agree(resize_flow(io["in.T"], 32), io["mid.T_32"])
        agree(warp(io["mid.src_model.encoders.1"], io["mid.T_32"], True), io["mid.warp_encoders.1"])

    def test_warps_of_two_sources_are_added(self, generator, io):
        second = torch.cat([io["in.ref_image"] * (1 - io["in.tsf_crop_mask"]), io["in.ref_cond"]], dim=1)
        sources = [generator.src_model.encode(inputs) for inputs in (io["in.src_inputs"], second)]
        warping = LiquidWarping(sources, [io["in.T"], io["two.T_b"]])
        colour, mask = generator.tsf_model.decode(generator.tsf_model.encode(io["in.tsf_inputs"], warping))
        agree(colour, io["two.tsf_img"])
        agree(mask, io["two.tsf_mask"])

    def test_sampling_between_pixel_edges_would_be_far_off(self, generator, io):
        class HalfPixel(LiquidWarping):
            """Samples by the other convention, as newer torch does without being told, and resizes as before."""

            def _flows_for(self, side):
                return [resize_flow(flow, side, align_corners=True) for flow in self.flows]

        source = generator.src_model.encode(io["in.src_inputs"])
        warping = HalfPixel([source], [io["in.T"]], align_corners=False)
        inputs = torch.cat([warp(io["in.src_image"], io["in.T"], False), io["in.ref_cond"]], dim=1)
        colour, mask = generator.tsf_model.decode(generator.tsf_model.encode(inputs, warping))
        agree(colour, io["half_pixel.tsf_img"])
        agree(mask, io["half_pixel.tsf_mask"])
        assert (io["half_pixel.tsf_img"] - io["out.tsf_img"]).abs().max() > 0.2


class TestDiscriminatorParity:
    @pytest.mark.parametrize("n_layers", [3, 4])
    def test_patch_discriminator(self, shared, n_layers):
        tensors, prefix = reference(shared, "discriminator"), f"patch{n_layers}."
        network = PatchDiscriminator(6, ndf=8, n_layers=n_layers)
        network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        agree(network(tensors["in.real"]), tensors[f"out.patch{n_layers}_real"])
        if n_layers == 4:
            agree(network(tensors["in.fake"]), tensors["out.patch4_fake"])

    def test_global_local_discriminator(self, shared):
        tensors, prefix = reference(shared, "discriminator"), "global_local."
        network = GlobalLocalDiscriminator(4, 6, ndf=8)
        network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        agree(crop_and_resize(tensors["in.real"], tensors["in.rects"]), tensors["out.crop"])
        agree(network(tensors["in.global"], tensors["in.real"], tensors["in.rects"]), tensors["out.global_local"])


class TestLossParity:
    @pytest.fixture
    def numbers(self, shared):
        return json.loads((shared / "reference" / "lwgan" / "losses.json").read_text())

    @pytest.fixture
    def discriminator(self, shared):
        tensors, prefix = reference(shared, "discriminator"), "patch4."
        network = PatchDiscriminator(6, ndf=8)
        network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        return network

    def parts(self, details, io, discriminator):
        masks = details.reconstruction_mask, details.mask
        targets = io["in.src_crop_mask"], io["in.tsf_crop_mask"]
        scores = discriminator(torch.cat([details.image, details.condition], dim=1))
        return {
            "g_adv (target 0)": losses.generator_adversarial(scores).mean(),
            "g_rec (L1, source)": losses.l1(details.reconstruction, io["in.src_image"]).mean(),
            "tsf_L1 (in place of VGG)": losses.l1(details.image, io["in.ref_image"]).mean(),
            "g_mask (BCE)": losses.mask_loss(masks, targets).mean(),
            "g_mask (MSE variant)": losses.mask_loss(masks, targets, "mse").mean(),
            "g_mask_smooth (TV)": losses.mask_smoothness(masks).mean(),
        }

    def test_values(self, generator, io, discriminator, numbers):
        details = rendered(generator, io)
        for name, value in self.parts(details, io, discriminator).items():
            assert value.item() == pytest.approx(numbers[name], abs=1e-4), name
        pairs = (torch.cat([image, io["in.ref_cond"]], dim=1) for image in (io["in.ref_image"], details.image))
        real, fake = losses.discriminator_adversarial(*map(discriminator, pairs))
        assert real.mean().item() == pytest.approx(numbers["d_loss_real (target 1)"], abs=1e-4)
        assert fake.mean().item() == pytest.approx(numbers["d_loss_fake (target -1)"], abs=1e-4)

    def test_gradients_of_the_total(self, shared, generator, io, discriminator, numbers):
        parts = self.parts(rendered(generator, io), io, discriminator)
        adversarial, reconstruction, transfer, mask, _, smoothness = parts.values()
        total = adversarial + 10 * reconstruction + 10 * transfer + mask + smoothness
        total.backward()
        wanted = numbers["total = adv + 10 rec + 10 tsf_L1 + mask + smooth"]
        assert total.item() == pytest.approx(wanted, abs=1e-4)
        gradients = {name: parameter.grad for name, parameter in generator.named_parameters()}
        norms = numbers["gradient norms of total, by parameter"]
        assert gradients.keys() == norms.keys()
        for name, norm in norms.items():
            assert gradients[name].norm().item() == pytest.approx(norm, abs=1e-4, rel=1e-4), name
        for name, gradient in reference(shared, "gradients").items():
            agree(gradients[name.removeprefix("grad.")], gradient)

    def test_transfer_reaches_the_source_stream_through_the_warp(self, generator, io, numbers):
        losses.l1(rendered(generator, io).image, io["in.ref_image"]).mean().backward()
        norm = generator.src_model.encoders[1][0].weight.grad.norm().item()
        assert norm == pytest.approx(numbers["norm of d(L1 of fake_tsf)/d src_model.encoders.1.0.weight"], abs=1e-5)

    def test_perceptual_term(self, io, numbers):
        torch.manual_seed(0)
        random = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"], False)
        features = Features("vgg19", {f"features.{name}": value for name, value in random.state_dict().items()})
        loss = losses.TransferLoss(features)
        value = loss(io["out.fake_tsf"], io["in.ref_image"], torch.ones(2, dtype=torch.bool))
        assert value.item() == pytest.approx(numbers["vgg_loss (random VGG19, weighted sum)"], rel=1e-3)
        layers = [features(io[name]) for name in ("out.fake_tsf", "in.ref_image")]
        for ours, theirs, wanted in zip(*layers, numbers["vgg L1 of relu1_1, 2_1, 3_1, 4_1, 5_1"]):
            assert (ours - theirs).abs().mean().item() == pytest.approx(wanted, rel=1e-3)


class TestBodyModelParity:
    @pytest.fixture
    def tensors(self, shared):
        return reference(shared, "flow")

    def test_mesh_flow(self, tensors):
        mesh = [tensors[f"flow.{name}"] for name in ("f2pts", "ref_fim", "ref_wim")]
        agree(mesh_flow(*mesh), tensors["flow.T"])
        agree(mesh_flow(*mesh, source_index=tensors["flow.src_fim"]), tensors["flow.T_visible"])
        assert not torch.equal(tensors["flow.T"], tensors["flow.T_visible"])

    def test_morphology(self, tensors):
        mask = tensors["morph.in"]
        agree(erode(mask, 3), tensors["morph.erode3"])
        agree(erode(mask, 15), tensors["morph.erode15"])
        agree(1 - erode(mask, 3), tensors["morph.dilate3"])

    def test_boxes(self, tensors):
        assert torch.equal(body_box(tensors["box.kps"], 256), tensors["box.body256"])
        assert torch.equal(head_box(tensors["box.kps"], 256), tensors["box.head256"])

    def test_faces_and_grid(self, tensors):
        agree(face_places(tensors["face.f2pts"]), tensors["face.middle"])
        agree(coordinate_grid(6, 6), tensors["grid.6"])


class TestFullSize:
    def test_names_and_shapes_are_the_published_ones(self, shared):
        published = json.loads((shared / "reference" / "lwgan" / "full_size_state_dict.json").read_text())
        with torch.device("meta"):
            options = lwgan_options(conv_dim=64, repeat_num=6)
            networks = {
                "generator": LiquidWarpingGenerator(options),
                "patch_discriminator": PatchDiscriminator(6),
            }
        for name, network in networks.items():
            shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
            assert shapes == published["state_dict"][name]
        count = sum(parameter.numel() for parameter in networks["generator"].parameters())
        assert count == published["parameters"]["generator"]["total"] == 97_452_736
        pair = GlobalLocalDiscriminator()
        count = sum(parameter.numel() for parameter in pair.parameters())
        assert count == published["parameters"]["global_local"]
