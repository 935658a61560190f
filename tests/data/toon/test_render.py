"""What toon draws: the same bits always, exact ground truth, whole figures."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from capture.common.errors import CaptureError
from capture.data.styles.style import Figure, draw_style
from capture.data.toon.characters.character import make_character
from capture.data.toon.characters.solids import BOX, CODES, QUADRIC, ROUND
from capture.data.toon.dataset import ToonStream
from capture.data.toon.motion.motions import CLIPS, posture
from capture.data.toon.rendering.camera import Crop, Shot, View, frame_shots, joints_of, place_on_ground
from capture.data.toon.rendering.raster import Solids, boxes, depth_of, inverse3, visibility
from capture.data.toon.rendering.render import render
from capture.data.toon.skeleton import INDEX
from capture.data.toon.styles.drawing import render_styled
from capture.io.iuv import PARTS

EVERYTHING = ("rgb", "mask", "iuv", "uv", "joints", "depth")


def some_shots(count, start=0):
    rng = np.random.default_rng(start)
    return [
        Shot(
            start + i,
            CLIPS[(start + i) % len(CLIPS)],
            i,
            float(rng.random()),
            View(float(rng.uniform(-180, 180)), float(rng.uniform(-15, 15)), float(rng.uniform(0, 0.25))),
        )
        for i in range(count)
    ]


class TestFraming:
    @pytest.mark.parametrize("pitch", [0.0, 12.0, -10.0])
    def test_nothing_leaves_the_frame(self, pitch):
        views = [View(a, pitch, p) for a, p in ((0, 0.0), (60, 0.2), (90, 0.1), (200, 0.25))]
        shots = [
            Shot(31 * i + j, clip, i + j, t, views[(i + j) % 4])
            for i, clip in enumerate(CLIPS)
            for j, t in enumerate((0.0, 0.15, 0.33, 0.5, 0.62, 0.8))
        ]
        mask = render(shots, 32, outputs=("mask",))["mask"]
        ring = mask.clone()
        ring[:, 1:-1, 1:-1] = False
        assert not ring.any(), [shots[i] for i in ring.flatten(1).any(1).nonzero().flatten().tolist()]
        assert mask.flatten(1).sum(1).min() > 12

    def test_standing_figures_fill_the_frame_by_the_rule(self):
        shots = [Shot(i, "idle", 0, 0.0, View(0.0, 0.0, 0.0)) for i in range(24)]
        mask = render(shots, 128, outputs=("mask",))["mask"]
        for shot, figure in zip(shots, mask, strict=True):
            rows = figure.any(1).nonzero()
            share = (rows.max() - rows.min() + 1).item() / 128
            assert share == pytest.approx(make_character(shot.character_seed).stature, abs=0.035)
            assert abs(rows.max().item() / 128 - 0.895) < 0.025  # one floor for all

    def test_floor_is_fixed_in_a_clip(self):
        shots = [Shot(4, "idle", 0, k / 12, View(20.0)) for k in range(12)]
        rows = [figure.any(1).nonzero().max().item() for figure in render(shots, 128, outputs=("mask",))["mask"]]
        assert max(rows) - min(rows) <= 1


class TestMapsOfRender:
    def test_every_part_is_visible_somewhere(self):
        shots = [Shot(i, CLIPS[i % 8], i, 0.2, View(45.0 * i)) for i in range(64)]
        seen = set(render(shots, 64, outputs=("iuv",))["iuv"][:, 0].unique().tolist())
        assert seen == set(range(len(PARTS) + 1))

    def test_texel_keeps_its_colour(self):
        """Surface points of one character, seen in many frames, have one base colour up to the tones of the light."""
        for seed in (2, 17, 22, 30):
            shots = [
                Shot(seed, clip, 1, t, View(a))
                for clip in ("idle", "walk", "dance_a")
                for t, a in ((0.1, 0), (0.4, 40), (0.7, -60), (0.9, 180))
            ]
            out = render(shots, 192, outputs=("rgb", "iuv"))
            rgb, iuv = out["rgb"].permute(0, 2, 3, 1).float(), out["iuv"].permute(0, 2, 3, 1)
            # only pixels amid an even patch: no ink, no edge of a pattern, no blend
            even = torch.zeros(rgb.shape[:3], dtype=torch.bool)
            middle = rgb[:, 1:-1, 1:-1]
            flat = torch.ones_like(even[:, 1:-1, 1:-1])
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    near = rgb[:, 1 + dy : rgb.shape[1] - 1 + dy, 1 + dx : rgb.shape[2] - 1 + dx]
                    flat &= (near - middle).abs().amax(-1) < 2
                    flat &= (
                        iuv[:, 1 + dy : rgb.shape[1] - 1 + dy, 1 + dx : rgb.shape[2] - 1 + dx, 0]
                        == iuv[:, 1:-1, 1:-1, 0]
                    )
            even[:, 1:-1, 1:-1] = flat & (iuv[:, 1:-1, 1:-1, 0] > 0)
            texel = (iuv[even].long() * torch.tensor([65536, 256, 1])).sum(-1)
            colour = rgb[even]
            # the tones are base, base * (0.74, 0.69, 0.79) and highlights: a texel's colours come down to few
            order = texel.argsort(stable=True)
            texel, colour = texel[order], colour[order]
            same = texel[1:] == texel[:-1]
            a, b = colour[1:][same], colour[:-1][same]
            shade = torch.tensor([0.74, 0.69, 0.79])
            equal = (a - b).abs().amax(-1) < 4
            shaded = ((a * shade - b).abs().amax(-1) < 4) | ((b * shade - a).abs().amax(-1) < 4)
            shine = torch.zeros_like(equal)
            for x, y in ((a, b), (b, a)):
                for amount in (0.24, 0.55):
                    for tone in (torch.ones(3), shade):
                        shine |= (y - (x * tone + (255 - x * tone) * amount)).abs().amax(-1) < 5
            assert len(equal) > 2000
            assert (equal | shaded | shine).float().mean() > 0.97, seed

    def test_atlas_and_parts_agree(self):
        out = render(some_shots(6), 64, outputs=("iuv", "uv"))
        part, u, v = out["iuv"].unbind(1)
        inside = part > 0
        assert torch.equal(inside, ~out["uv"][:, 0].isnan())
        column, row = (out["uv"] * 5).floor().unbind(1)
        assert torch.equal((row * 5 + column + 1)[inside].to(torch.uint8), part[inside])
        assert ((out["uv"][:, 0] * 5 - column)[inside] * 255 - u[inside]).abs().max() <= 1
        assert ((out["uv"][:, 1] * 5 - row)[inside] * 255 - v[inside]).abs().max() <= 1

    def test_masks_maps_and_depth_agree(self):
        out = render(some_shots(6), 64, outputs=("mask", "iuv", "depth", "rgb"))
        surface = out["iuv"][:, 0] > 0
        assert torch.equal(surface, out["depth"].isfinite())
        assert (surface & ~out["mask"]).float().mean() < 0.002  # single samples at the very rim
        background = torch.tensor([235, 235, 235], dtype=torch.uint8)[None, :, None, None]
        painted = (out["rgb"] != background).any(1)
        assert (out["mask"] & ~painted).float().mean() < 0.001

    def test_joints_outside_the_picture_are_not_visible(self):
        view = View(0.0, 0.0, 0.0, Crop(2.0, 0.0, 0.3))
        joints = render([Shot(8, "idle", 0, 0.0, view)], 64, outputs=("joints",))["joints"][0]
        outside = ((joints[:, :2] < 0) | (joints[:, :2] >= 64)).any(-1)
        assert 3 < outside.sum() < len(joints) and not joints[outside, 2].any() and joints[~outside, 2].any()

    def test_joints_lie_in_the_figure_or_hidden_behind_it(self):
        front, back = (
            render([Shot(8, "idle", 0, 0.0, View(a, 0.0, 0.0))], 128, outputs=("joints", "mask")) for a in (0.0, 180.0)
        )
        for out in (front, back):
            x, y, visible = out["joints"][0].unbind(-1)
            for name in ("pelvis", "head", "l_knee", "r_knee", "l_elbow"):
                assert out["mask"][0, int(y[INDEX[name]]), int(x[INDEX[name]])]
            assert set(visible.tolist()) <= {0.0, 1.0} and visible.sum() > 10
        assert (
            front["joints"][0, INDEX["l_hand"], 0] > front["joints"][0, INDEX["r_hand"], 0]
        )  # its left is on our right
        assert back["joints"][0, INDEX["l_hand"], 0] < back["joints"][0, INDEX["r_hand"], 0]
        side = render([Shot(8, "idle", 0, 0.0, View(90.0, 0.0, 0.0))], 128, outputs=("joints",))["joints"][0]
        assert side[INDEX["l_elbow"], 2] == 1 and side[INDEX["r_elbow"], 2] == 0

    def test_perspective_agrees_with_the_projected_joints(self):
        """A hand that comes nearer grows, and stays on its joint."""
        shots = [Shot(12, "idle", 2, 0.0, View(0.0, 0.0, p)) for p in (0.0, 0.25)]
        characters = [make_character(12)] * 2
        camera = frame_shots(shots, characters, 100, "cpu")
        placed = place_on_ground(posture(["idle"] * 2, [0.0] * 2, [2] * 2), characters)
        at = joints_of(placed, camera)
        out = render(shots, 100, outputs=("joints",))["joints"]
        assert torch.allclose(out[..., :2], at[..., :2], atol=1e-3)


def _brute_force(kind, shape, matrix, centre, size):
    """First hit along each ray by dense sampling of the implicit solid."""
    y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    z = torch.linspace(14, -14, 1401)
    points = torch.stack(torch.broadcast_tensors(x[..., None], y[..., None], z), -1) - centre
    local = points.double() @ torch.linalg.inv(matrix.double()).T
    px, py, pz = local.unbind(-1)
    if kind == BOX:
        inside = px**4 + py**4 + pz**4 < 1
    elif kind == QUADRIC:
        inside = px**2 + py**2 + pz**2 < 1
    else:
        length, r1, r2 = shape[:3].tolist()
        # distance to a rounded cone: the union of spheres whose radius runs from r1 to r2
        t = torch.linspace(0, 1, 60, dtype=torch.float64)
        inside = torch.zeros_like(px, dtype=torch.bool)
        for s in t.tolist():
            inside |= px**2 + (py - s * length) ** 2 + pz**2 < (r1 + s * (r2 - r1)) ** 2
    hit = inside.any(-1)
    return hit, z[inside.int().argmax(-1)]


class TestRender:
    def test_shapes_and_types(self):
        out = render(some_shots(3), 64, outputs=EVERYTHING)
        assert out["rgb"].shape == (3, 3, 64, 64) and out["rgb"].dtype == torch.uint8
        assert out["mask"].shape == (3, 64, 64) and out["mask"].dtype == torch.bool
        assert out["iuv"].shape == (3, 3, 64, 64) and out["iuv"].dtype == torch.uint8
        assert (
            out["uv"].shape == (3, 2, 64, 64)
            and out["joints"].shape == (3, 22, 3)
            and out["depth"].shape == (3, 64, 64)
        )

    def test_batch_composition_and_threads_change_nothing(self):
        shots = some_shots(29)
        together = render(shots, 48, outputs=EVERYTHING)
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1 if threads > 1 else 2)
            for i in range(0, 29, 3):
                alone = render(shots[i : i + 1], 48, outputs=EVERYTHING)
                for name in EVERYTHING:
                    assert torch.equal(alone[name][0].nan_to_num(-1), together[name][i].nan_to_num(-1)), (
                        name,
                        shots[i],
                    )
        finally:
            torch.set_num_threads(threads)

    def test_two_processes_render_the_same(self, run_apart):
        code = (
            "import hashlib, torch; torch.set_num_threads(1); "
            "from capture.data.toon.motion.motions import CLIPS; "
            "from capture.data.toon.rendering.camera import Shot, View; "
            "from capture.data.toon.rendering.render import render; "
            "shots = [Shot(i, CLIPS[i], i, 0.3, View(40.0 * i)) for i in range(8)]; "
            "print(hashlib.sha256(render(shots, 64)['rgb'].numpy().tobytes()).hexdigest())"
        )
        there = run_apart(code)
        here = render([Shot(i, CLIPS[i], i, 0.3, View(40.0 * i)) for i in range(8)], 64)["rgb"]
        assert there.strip() == hashlib.sha256(here.numpy().tobytes()).hexdigest()

    def test_true_target_is_the_identity_in_the_shot_of_the_pose(self):
        """A drawn in B's shot is exactly A's own shot, and A's joints lie along B's: same directions in the picture."""
        pose = Shot(21, "dance_a", 4, 0.3, View(35.0, 5.0, 0.0))
        own = Shot(8, "dance_a", 4, 0.3, View(35.0, 5.0, 0.0))
        target, reference, of_b = (
            render([s], 96, outputs=("rgb", "mask", "joints")) for s in (pose.with_character(8), own, pose)
        )
        assert torch.equal(target["rgb"], reference["rgb"]) and torch.equal(target["mask"], reference["mask"])
        assert not torch.equal(target["rgb"], of_b["rgb"])
        for a, b in (("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist"), ("r_hip", "r_knee"), ("r_knee", "r_ankle")):
            bones = [out["joints"][0, INDEX[b], :2] - out["joints"][0, INDEX[a], :2] for out in (target, of_b)]
            assert torch.nn.functional.cosine_similarity(*bones, dim=0) > 0.999

    def test_shadow_and_background(self):
        shot = [Shot(1, "idle", 0, 0.0, View(0.0))]
        plain = render(shot, 64, background=(10, 200, 30))
        shaded = render(shot, 64, background=(10, 200, 30), shadow=True)
        assert plain["rgb"][0, :, 0, 0].tolist() == [10, 200, 30] == shaded["rgb"][0, :, 0, 0].tolist()
        assert (shaded["rgb"].int() - plain["rgb"].int()).min() < -15

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: render(some_shots(1), 33), "even number"),
            (lambda: render(some_shots(1), 64, outputs=("normals",)), "unknown output 'normals'"),
            (lambda: render([], 64), "no shots"),
            (lambda: View(0.0, 45.0), "pitch_degrees is 45"),
            (lambda: View(0.0, 0.0, 2.0), "perspective is 2"),
            (lambda: Shot(1, "moonwalk", 0, 0.0, View(0.0)), "no clip 'moonwalk'"),
            (lambda: ToonStream(64, clips=["moonwalk"]), "no clip 'moonwalk'"),
        ],
    )
    def test_wrong_arguments_are_named(self, call, message):
        with pytest.raises(CaptureError, match=message):
            call()


class TestRaster:
    @pytest.mark.parametrize("kind", [ROUND, QUADRIC, BOX])
    def test_intersections_against_brute_force(self, kind):
        torch.manual_seed(kind)
        size = 24
        for _ in range(3):
            spin, _ = torch.linalg.qr(torch.randn(3, 3))
            matrix = (spin * torch.tensor([5.0, 5.0, 4.0])) if kind != ROUND else spin * torch.tensor([1.0, 1.2, 0.8])
            shape = torch.tensor([7.0, 4.0, 2.0, 0, 0]) if kind == ROUND else torch.tensor([1.0, 0, -1, -2, 2])
            centre = torch.tensor([12.3, 11.6, 0.4])
            one = Solids(
                torch.zeros(1, dtype=torch.long), torch.zeros(1, dtype=torch.long), torch.tensor([kind]),
                matrix[None], inverse3(matrix[None]),
                centre[None], shape[None], torch.tensor([[0.0, 0, 0, 9]]), torch.zeros(1, 2),
            )  # fmt: skip
            keys = visibility(one, 1, size)[0]
            hit, z = _brute_force(kind, shape, matrix, centre, size)
            seen = keys != 2**31 - 1
            assert (seen != hit).sum() <= 6  # grazing rays
            both = seen & hit
            assert (depth_of(keys, size)[both] - z[both]).abs().quantile(0.98) < 0.1
            low, high = boxes(one)
            rows, columns = hit.nonzero().unbind(1)
            assert low[0, 0] <= columns.min() + 0.6 and high[0, 0] >= columns.max() + 0.4
            assert low[0, 1] <= rows.min() + 0.6 and high[0, 1] >= rows.max() + 0.4

    def test_codes_are_in_range(self):
        codes = make_character(0).codes
        assert codes[:, CODES["kind"]].max() <= BOX


class TestFaceParts:
    shots = [Shot(seed, "idle", 3, 0.0, View(azimuth)) for seed in (1, 5) for azimuth in (0.0, 180.0)]

    def test_eyes_and_mouth_are_parts_of_faces_that_look_at_the_viewer(self):
        made = render(self.shots, 128, outputs=("iuv", "iuv_faces"))
        plain, faces = made["iuv"], made["iuv_faces"]
        assert torch.equal(plain[:, 1:], faces[:, 1:])  # surface points stay the same points
        changed = plain[:, 0] != faces[:, 0]
        assert (faces[:, 0][changed] > 25).all() and not changed[1::2].any()
        for picture in faces[::2, 0]:
            rows = [(picture == part).nonzero()[:, 0].float() for part in (26, 27)]
            assert len(rows[0]) > 8 and len(rows[1]) > 3
            assert rows[0].mean() < rows[1].mean()  # eyes are above the mouth

    def test_styled_pictures_have_them_too(self):
        style = draw_style(np.random.default_rng(0), "many", "cel")
        style = replace(style, figure=Figure())
        made = render_styled(self.shots[:1], 128, [style], maps="iuv_faces")
        assert torch.equal(made["iuv_faces"], render(self.shots[:1], 128, outputs=("iuv_faces",))["iuv_faces"])
