"""The clips of toon: continuous loops, unlike each other, feet on the floor, the same pose on anyone."""

import pytest
import torch

from capture.common.errors import CaptureError
from capture.data.toon.characters.character import make_character
from capture.data.toon.dataset import ToonStream
from capture.data.toon.motion.motions import AIRBORNE, CLIPS, VARIED, posture
from capture.data.toon.motion.posing import Pose, solve
from capture.data.toon.rendering.camera import Shot, View, place_on_ground
from capture.data.toon.skeleton import INDEX, JOINTS, PARENTS, apply3, forward_kinematics, rotation

STANDING = ("idle", "hands_on_hips", "wave", "clap", "bow", "dance_c", "throw", "spell", "punch")


def placed(clip, times, style=5, seed=0):
    pose = posture([clip] * len(times), list(times), [style] * len(times))
    characters = [make_character(seed)] * len(times)
    return pose, place_on_ground(pose, characters), characters


def lowest(frames, who):
    """Height of the lowest point that may touch the floor, (B,)."""
    points = frames.origin[:, who.contact_frames] + apply3(
        frames.matrix[:, who.contact_frames], torch.from_numpy(who.contacts)[None, :, :3]
    )
    return (points[..., 1] - torch.from_numpy(who.contacts)[None, :, 3]).amin(1)


class TestPlaceOnGround:
    @pytest.mark.parametrize("seed", [0, 3, 7, 11])
    @pytest.mark.parametrize("clip", CLIPS)
    def test_nothing_is_below_the_floor_and_something_touches_it(self, clip, seed):
        pose, frames, characters = placed(clip, [k / 10 for k in range(10)], seed=seed)
        low = lowest(frames, characters[0])
        assert torch.allclose(low, pose.shift[:, 1] * characters[0].leg, atol=1e-4)
        if clip not in AIRBORNE:
            assert low.abs().max() < 1e-4

    @pytest.mark.parametrize("clip", STANDING + ("walk",))
    def test_sole_stays_on_the_floor(self, clip):
        for seed in range(0, 12, 3):
            _, frames, characters = placed(clip, [k / 16 for k in range(16)], seed=seed)
            who = characters[0]
            soles = who.contact_frames[:4]
            points = frames.origin[:, soles] + apply3(
                frames.matrix[:, soles], torch.from_numpy(who.contacts[:4])[None, :, :3]
            )
            assert points[..., 1].amin(1).abs().max() < 0.02 * who.height


class TestPosing:
    def test_same_joint_angles_on_every_character(self):
        """The true target is exact because bones of A and B point the same way in the same clip, style and time."""
        names = [clip for clip in CLIPS for _ in range(2)]
        pose = posture(names, [0.2, 0.7] * len(CLIPS), [4] * len(names))
        directions = []
        for seed in (1, 6):
            offsets = torch.from_numpy(make_character(seed).offsets).expand(len(names), -1, -1)
            position, _ = forward_kinematics(pose.rotations, offsets)
            bones = [
                j
                for j, name in enumerate(JOINTS)
                if name.split("_")[-1] in ("elbow", "wrist", "knee", "ankle", "chest", "neck")
            ]
            bone = position[:, bones] - position[:, [PARENTS[j] for j in bones]]
            directions.append(bone / bone.norm(dim=-1, keepdim=True))
        cosine = (directions[0] * directions[1]).sum(-1)
        assert cosine.min() > 0.9999

    def test_forward_kinematics_against_a_plain_loop(self):
        torch.manual_seed(0)
        angles = torch.rand(3, len(JOINTS)) * 360
        rotations = rotation("x", angles) @ rotation("z", angles * 0.7)
        offsets = torch.randn(3, len(JOINTS), 3)
        position, matrix = forward_kinematics(rotations, offsets)
        for b in range(3):
            world = {}
            for j, parent in enumerate(PARENTS):
                if parent < 0:
                    world[j] = (torch.zeros(3), rotations[b, j])
                else:
                    at, up = world[parent]
                    world[j] = (at + up @ offsets[b, j], up @ rotations[b, j])
                assert torch.allclose(position[b, j], world[j][0], atol=1e-4)
                assert torch.allclose(matrix[b, j], world[j][1], atol=1e-4)


class TestClips:
    def test_clips_and_their_varied_order_are_the_same_set(self):
        assert len(CLIPS) >= 20 and len(set(CLIPS)) == len(CLIPS) == len(VARIED) and set(CLIPS) == set(VARIED)
        named = {
            "idle",
            "walk",
            "run",
            "jump",
            "wave",
            "cheer",
            "punch",
            "kick",
            "throw",
            "sit",
            "squat",
            "bow",
            "crawl",
            "sword_swing",
            "spell",
            "fall",
            "turn",
        }
        assert named <= set(CLIPS)

    @pytest.mark.parametrize("clip", CLIPS)
    def test_clips_are_continuous_and_loop(self, clip):
        """Joint movement halves with the time step, also over the end of the loop: no jumps."""
        steps = 400
        _, frames, _ = placed(clip, [k / steps for k in range(steps)])
        at = frames.origin[:, : len(JOINTS)]
        moved = (at.roll(-1, 0) - at).norm(dim=-1).amax(1)
        assert moved.max() < 0.05, f"moves {moved.max():.3f} of a body height in 1/{steps} of the clip"
        assert at.std(0).max() > 0.004  # and it does move
        rotations = posture([clip] * 2, [0.3, 0.3], [5, 5]).rotations
        identity = torch.eye(3).expand_as(rotations)
        assert torch.allclose(rotations @ rotations.transpose(-1, -2), identity, atol=1e-4)

    def test_clips_differ_from_each_other(self):
        """Mean joint distance of any two clips over time, in body heights, pelvis at the origin."""
        times = [k / 12 for k in range(12)]
        paths = []
        for clip in CLIPS:
            pose, _, characters = placed(clip, times, style=1)
            offsets = torch.from_numpy(characters[0].offsets).expand(len(times), -1, -1)
            paths.append(forward_kinematics(pose.rotations, offsets)[0])
        paths = torch.stack(paths)
        distance = (paths[:, None] - paths[None]).norm(dim=-1).mean((2, 3))
        distance.fill_diagonal_(9)
        assert distance.min() > 0.02, [CLIPS[i] for i in divmod(int(distance.argmin()), len(CLIPS))]

    def test_styles_differ(self):
        a, b = (posture(["walk"], [0.3], [style]).rotations for style in (1, 2))
        assert (a - b).abs().max() > 0.05

    def test_both_feet_are_flat_in_a_squat(self):
        _, frames, characters = placed("squat", [0.5], style=0)
        who = characters[0]
        soles = who.contact_frames[:4]
        points = frames.origin[:, soles] + apply3(
            frames.matrix[:, soles], torch.from_numpy(who.contacts[:4])[None, :, :3]
        )
        assert points[..., 1].abs().max() < 1e-3

    def test_raised_arms_are_up_and_sitting_is_low(self):
        _, cheering, _ = placed("cheer", [0.1])
        at = cheering.origin[0]
        assert at[INDEX["l_hand"], 1] > at[INDEX["head"], 1] and at[INDEX["r_hand"], 1] > at[INDEX["head"], 1]
        pelvis = [placed(clip, [0.1])[1].origin[0, INDEX["pelvis"], 1] for clip in ("sit", "idle")]
        assert pelvis[0] < 0.62 * pelvis[1]


class TestMixedMotions:
    def test_mixed_motion_of_two_clips_with_noise_of_its_style(self):
        """The trunk follows the first clip and the legs the second. Times and styles differ, and all is finite."""
        times = [k / 8 for k in range(8)]
        joined, frames, _ = placed("wave+squat", times)
        assert torch.isfinite(frames.origin).all()
        assert torch.equal(joined.rotations, placed("wave+squat", times)[0].rotations)
        other = placed("wave+squat", times, style=6)[0].rotations
        assert (joined.rotations - other).abs().amax() > 0.1

        def moves(clip, *joints):
            return placed(clip, times)[0].rotations[:, [INDEX[joint] for joint in joints]].std(0).amax()

        knees, elbows = ("l_knee", "r_knee"), ("l_elbow", "r_elbow")
        assert moves("wave+squat", *knees) > 0.5 * moves("squat", *knees) > 5 * moves("wave", *knees)
        assert moves("squat+wave", *elbows) < 0.3 * moves("wave+squat", *elbows)

    def test_mixed_motions_stand_on_the_floor(self):
        shots = [shot for i in range(8) for shot in ToonStream(32, clips=("run", "bow"), mixed_motions=1.0).shots(i)]
        assert all(set(shot.clip.split("+")) <= {"run", "bow"} and "+" in shot.clip for shot in shots)
        for shot in shots:
            pose, frames, characters = placed(shot.clip, [shot.time], shot.clip_style_seed, shot.character_seed)
            assert torch.allclose(lowest(frames, characters[0]), pose.shift[:, 1] * characters[0].leg, atol=1e-4)

    def test_head_and_arms_anywhere(self):
        """Legs and trunk stay those of the mixed motion. Heads turn to both sides, and arms go all around."""
        plain, anywhere = (placed(name, [0.3], style=4)[0].rotations[0] for name in ("wave+sit", "wave+sit+anywhere"))
        same = [INDEX[joint] for joint in ("pelvis", "spine", "chest", "l_hip", "r_knee", "l_ankle")]
        assert torch.equal(plain[same], anywhere[same]) and not torch.equal(plain, anywhere)
        seeds = range(60)
        rotations = posture(["walk+sit+anywhere"] * 60, [0.0] * 60, list(seeds)).rotations
        faces = (rotations[:, INDEX["neck"]] @ rotations[:, INDEX["head"]])[:, :, 2]  # where the face points
        assert faces[:, 0].min() < -0.8 and faces[:, 0].max() > 0.8 and faces[:, 2].median() > 0.5
        arms = -rotations[:, INDEX["l_shoulder"]][:, :, 1]  # where the upper arm points
        assert (arms.amin(0) < torch.tensor([0.0, -0.8, -0.3])).all() and (arms.amax(0) > 0.8).all()

    def test_on_four_legs(self):
        """The trunk is level, and hands and feet are below it."""
        times, seeds = [0.0] * 30, list(range(30))
        rotations = posture(["walk+walk+fours"] * 30, times, seeds).rotations
        trunks = (rotations[:, 0] @ rotations[:, INDEX["spine"]] @ rotations[:, INDEX["chest"]])[:, :, 1]
        assert (trunks[:, 1].abs() < 0.6).all()  # y is up
        for seed in range(6):
            _, frames, _ = placed("walk+walk+fours", [0.0], seed)
            heights = frames.origin[0, :, 1]
            highest = max(heights[INDEX[joint]] for joint in ("l_wrist", "r_wrist", "l_ankle", "r_ankle"))
            assert highest < heights[INDEX["pelvis"]]

    def test_neck_pitch_turns_the_neck_alone(self):
        """The head keeps its direction, and is elsewhere."""
        time = torch.zeros(2)
        poses = [solve(Pose(time).set(head_pitch=-30.0, neck_pitch=angle)) for angle in (0.0, 50.0)]
        heads = [pose.rotations[:, INDEX["neck"]] @ pose.rotations[:, INDEX["head"]] for pose in poses]
        assert torch.allclose(heads[0], heads[1], atol=1e-5)
        assert not torch.allclose(poses[0].rotations[:, INDEX["neck"]], poses[1].rotations[:, INDEX["neck"]], atol=0.3)

    def test_neck_turns_to_the_other_side_in_the_mirror(self):
        pose = Pose(torch.zeros(1)).set(neck_turn=40.0)
        left, right = solve(pose), solve(pose.mirrored(torch.tensor([True])))
        flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
        neck = INDEX["neck"]
        assert torch.allclose(flip @ left.rotations[:, neck] @ flip, right.rotations[:, neck], atol=1e-6)
        assert left.rotations[0, neck, 0, 1] < -0.5

    def test_no_mixed_motions_by_default(self):
        plain, asked = (
            [shot for i in range(40) for shot in ToonStream(32, mixed_motions=share).shots(i)] for share in (0.0, 0.5)
        )
        assert all(shot.clip in CLIPS for shot in plain)
        assert 40 < sum("+" in shot.clip for shot in asked) < 120
        reaching = [shot for i in range(40) for shot in ToonStream(32, mixed_motions=0.5, reach=0.5).shots(i)]
        assert 20 < sum(shot.clip.endswith("+anywhere") for shot in reaching) < 70
        for name in (
            "walk+",
            "+",
            "walk+sit+run",
            "walk+nothing",
            "walk+anywhere",
            "walk+sit+anywhere+anywhere",
            "walk+fours",
            "walk+quadruped",
        ):
            with pytest.raises(CaptureError, match="no clip"):
                Shot(1, name, 0, 0.0, View(0.0))
