"""The clips, one function each: pose channels (see posing.py) written from the time and a style.

Every clip is a loop over t in [0, 1). No clip depends on the character, so that the same clip, style and time give the
same pose on every character.
"""

from __future__ import annotations

import torch
from torch import Tensor

from capture.data.toon import exact
from capture.data.toon.motion.posing import Pose
from capture.data.toon.motion.timing import Clip, Style, keys, stride, wave_of


def idle(p: Pose, t: Tensor, s: Style) -> Pose:
    breath = wave_of(t)
    return p.set(
        hip_roll=5 * s.lean,
        back_roll=-6 * s.lean + 2 * breath,
        back_pitch=2 + 2 * breath,
        head_yaw=22 * s.head + 6 * wave_of(t, 1, 0.2),
        head_pitch=4 * breath,
        arms_out=14 + 8 * s.arms + 2 * breath,
        arms_bend=18 + 14 * s.free,
        larm_fwd=6 * s.accent,
        feet_x=0.07 + 0.06 * s.legs,
        height=0.965 - 0.008 * breath,
    )


def hands_on_hips(p: Pose, t: Tensor, s: Style) -> Pose:
    sway = wave_of(t)
    return p.set(
        arms_out=50 + 6 * s.arms,
        arms_fwd=-18.0,
        arms_bend=98 + 6 * s.free,
        arms_twist=62.0,
        hip_roll=6 * sway,
        back_roll=-8 * sway,
        back_pitch=-6 + 3 * s.lean,
        head_roll=6 * wave_of(t, 1, 0.25),
        head_yaw=25 * s.head,
        feet_x=0.16 + 0.05 * s.legs,
        height=0.95,
    )


def walk(p: Pose, t: Tensor, s: Style) -> Pose:
    step = 0.72 * s.size
    lift = 0.16 * s.size
    lz, ly, lp = stride(t, step, lift, 32.0)
    rz, ry, rp = stride(t + 0.5, step, lift, 32.0)
    swing = 34 * s.size * (1 + 0.3 * s.arms) * wave_of(t, 1, 0.25)
    return p.set(
        lfoot_z=lz, lfoot_y=ly, lfoot_pitch=lp, rfoot_z=rz, rfoot_y=ry, rfoot_pitch=rp,
        height=0.93 + 0.02 * wave_of(t, 2, 0.4),
        larm_fwd=-swing, rarm_fwd=swing, larm_bend=22 - 0.4 * swing, rarm_bend=22 + 0.4 * swing,
        hip_yaw=-8 * wave_of(t, 1, 0.25), back_yaw=14 * wave_of(t, 1, 0.25),
        back_pitch=5 + 5 * s.lean, back_roll=3 * wave_of(t), head_yaw=-6 * wave_of(t, 1, 0.25) + 8 * s.head,
    )  # fmt: skip


def sneak(p: Pose, t: Tensor, s: Style) -> Pose:
    lz, ly, lp = stride(t, 0.6 * s.size, 0.3 * s.size, 30.0)
    rz, ry, rp = stride(t + 0.5, 0.6 * s.size, 0.3 * s.size, 30.0)
    return p.set(
        lfoot_z=lz, lfoot_y=ly, lfoot_pitch=lp, rfoot_z=rz, rfoot_y=ry, rfoot_pitch=rp,
        height=0.76 + 0.03 * wave_of(t, 2) + 0.03 * s.legs, back_pitch=34 + 6 * s.lean, head_pitch=-18.0,
        head_yaw=30 * wave_of(t) * (0.7 + 0.3 * s.head),
        larm_fwd=64 + 14 * wave_of(t), rarm_fwd=64 - 14 * wave_of(t), arms_out=12 + 6 * s.arms, arms_bend=88.0,
        arms_twist=14.0, larm_bend=84 + 18 * wave_of(t), hands_=-50.0,
    )  # fmt: skip


def run(p: Pose, t: Tensor, s: Style) -> Pose:
    step = 1.0 * s.size
    lz, ly, lp = stride(t, step, 0.5 * s.size, 70.0, 0.42)
    rz, ry, rp = stride(t + 0.5, step, 0.5 * s.size, 70.0, 0.42)
    swing = 55 * s.size * wave_of(t, 1, 0.29)
    return p.set(
        lfoot_z=lz - 0.06, lfoot_y=ly, lfoot_pitch=lp, rfoot_z=rz - 0.06, rfoot_y=ry, rfoot_pitch=rp,
        height=0.87 + 0.03 * wave_of(t, 2, 0.15), lift=0.06 * (1 - exact.cos(4 * torch.pi * (t + 0.04))) / 2,
        larm_fwd=-swing, rarm_fwd=swing, larm_bend=88 - 0.3 * swing, rarm_bend=88 + 0.3 * swing,
        arms_out=14 + 5 * s.arms, hip_pitch=8.0, back_pitch=12 + 6 * s.lean, head_pitch=-10.0,
        hip_yaw=-10 * wave_of(t, 1, 0.29), back_yaw=20 * wave_of(t, 1, 0.29),
    )  # fmt: skip


def jump(p: Pose, t: Tensor, s: Style) -> Pose:
    crouch = keys(t, (0.0, 0.25), (0.18, 1.0), (0.34, 0.0), (0.62, 0.0), (0.76, 0.85), (0.9, 0.3))
    air = ((t - 0.3) / 0.38).clamp(0, 1)
    air = (4 * air * (1 - air)).square()
    tuck = air * (0.42 + 0.18 * s.legs)
    return p.set(
        lift=0.42 * s.size * air, height=0.97 - 0.4 * crouch, feet_y=tuck, feet_x=0.1 + 0.1 * air,
        feet_z=-0.12 * air, feet_pitch=42 * air, lfoot_z=0.1 * air,
        back_pitch=34 * crouch - 8 * air, head_pitch=-18 * crouch - 8 * air + 6 * s.head,
        arms_fwd=-46 * crouch + 30 * air, arms_out=18 + (112 + 16 * s.arms) * air, arms_bend=24 + 10 * crouch,
    )  # fmt: skip


def star_jump(p: Pose, t: Tensor, s: Style) -> Pose:
    opened = (1 - exact.cos(2 * torch.pi * t)) / 2
    hop = wave_of(t, 1).square()
    return p.set(
        lift=0.16 * hop * s.size, feet_x=0.04 + 0.44 * opened * s.size, height=0.96 - 0.13 * opened,
        feet_pitch=26 * hop, feet_yaw=8 + 20 * opened, arms_out=12 + 138 * opened + 8 * s.arms, arms_bend=10 + 10 * hop,
        head_pitch=-8 * opened, back_pitch=4 * s.lean,
    )  # fmt: skip


def wave(p: Pose, t: Tensor, s: Style) -> Pose:
    return p.set(
        larm_out=104 + 14 * s.arms, larm_twist=-78.0, larm_bend=62 + 32 * wave_of(t, 2) * s.size, lhand=0.0,
        larm_fwd=8.0, rarm_out=14 + 10 * s.free, rarm_bend=20 + 20 * s.accent.abs(),
        back_roll=9 * s.size + 3 * wave_of(t), hip_roll=-4.0, head_roll=-10 + 5 * wave_of(t, 2),
        head_yaw=14 * s.head, feet_x=0.08 + 0.05 * s.legs, height=0.955,
    )  # fmt: skip


def cheer(p: Pose, t: Tensor, s: Style) -> Pose:
    pump = wave_of(t, 2)
    hop = (wave_of(t, 2, 0.1)).clamp(min=0)
    return p.set(
        arms_out=146 + 10 * s.arms + 10 * pump, arms_bend=36 - 28 * pump, arms_twist=-70.0,
        lift=0.08 * hop * s.size, height=0.94 + 0.03 * pump, feet_pitch=26 * hop, feet_x=0.14 + 0.06 * s.legs,
        back_pitch=-9.0, head_pitch=-14.0, head_roll=7 * wave_of(t) + 4 * s.head, back_roll=6 * wave_of(t),
    )  # fmt: skip


def clap(p: Pose, t: Tensor, s: Style) -> Pose:
    beat = (1 + wave_of(t, 2)) / 2
    return p.set(
        arms_fwd=58 + 10 * s.arms, arms_out=8 + 34 * beat * s.size, arms_bend=58 + 8 * beat, arms_twist=34.0,
        back_pitch=4 + 4 * s.lean, back_roll=6 * wave_of(t), hip_roll=-5 * wave_of(t), head_roll=8 * wave_of(t),
        head_pitch=6 * beat + 6 * s.head, feet_x=0.1 + 0.05 * s.legs, height=0.95 - 0.03 * beat,
    )  # fmt: skip


def punch(p: Pose, t: Tensor, s: Style) -> Pose:
    jab = keys(t, (0.0, 0.0), (0.22, -0.35), (0.38, 1.0), (0.52, 1.0), (0.75, 0.0))
    cross = keys(t, (0.0, 0.0), (0.6, 0.0), (0.78, 0.7), (0.86, 0.7))
    return p.set(
        rarm_fwd=32 + 58 * jab, rarm_out=10.0, rarm_bend=112 - 106 * jab.clamp(min=0) + 14 * jab.clamp(max=0),
        larm_fwd=44 + 44 * cross, larm_out=12 + 8 * s.arms, larm_bend=118 - 96 * cross, larm_twist=12.0,
        rarm_twist=10.0,
        hip_yaw=18 * jab - 16 * cross, back_yaw=34 * jab * s.size - 24 * cross, back_pitch=10 + 8 * s.lean,
        lfoot_z=0.26 + 0.05 * s.legs, rfoot_z=-0.26, feet_x=0.1, rfoot_pitch=24 * jab.clamp(min=0), rfoot_yaw=30.0,
        height=0.87, z=0.08 * jab, head_yaw=-30 * jab + 16 * cross,
    )  # fmt: skip


def kick(p: Pose, t: Tensor, s: Style) -> Pose:
    k = keys(t, (0.0, 0.0), (0.2, -0.4), (0.42, 1.0), (0.54, 1.0), (0.8, 0.0))
    out, back = k.clamp(min=0), (-k).clamp(min=0)
    return p.set(
        rfoot_z=(0.86 + 0.05 * s.legs) * out - 0.5 * back, rfoot_y=(0.82 + 0.14 * s.size) * out + 0.2 * back,
        rfoot_pitch=-66 * out + 50 * back, lfoot_z=-0.02 * out, height=0.96 - 0.04 * out, hip_pitch=-14 * out,
        back_pitch=-18 * out + 12 * back, larm_fwd=42 * out, larm_out=20 + 36 * out, larm_bend=40 + 30 * out,
        rarm_fwd=-40 * out + 40 * back, rarm_out=30 + 20 * out + 10 * s.arms, rarm_bend=46.0, back_yaw=-16 * k,
        head_pitch=8 * out,
    )  # fmt: skip


def throw(p: Pose, t: Tensor, s: Style) -> Pose:
    wind = keys(t, (0.0, 0.0), (0.3, 1.0), (0.4, 1.0), (0.56, 0.0))
    cast = keys(t, (0.4, 0.0), (0.6, 1.0), (0.7, 1.0), (0.95, 0.0))
    return p.set(
        rarm_out=16 + 88 * wind + 16 * cast, rarm_fwd=20 + 88 * cast - 20 * wind, rarm_twist=-84 * wind,
        rarm_bend=30 + 72 * wind - 18 * cast, larm_fwd=24 + 52 * wind - 50 * cast, larm_out=18 + 10 * s.arms,
        larm_bend=20 + 20 * cast, hip_yaw=-32 * wind * s.size + 22 * cast, back_yaw=-34 * wind + 40 * cast,
        back_pitch=-10 * wind + 32 * cast * s.size, lfoot_z=0.2 + 0.12 * cast, rfoot_z=-0.22, feet_x=0.07,
        rfoot_pitch=36 * cast, lfoot_y=0.16 * wind, lfoot_pitch=-22 * wind, height=0.93 - 0.06 * cast,
        z=0.16 * cast - 0.08 * wind,
        head_yaw=44 * wind - 36 * cast, back_roll=8 * s.lean,
    )  # fmt: skip


def sit(p: Pose, t: Tensor, s: Style) -> Pose:
    sway = wave_of(t)
    return p.set(
        height=0.1, lfoot_z=0.88 - 0.12 * (1 + s.legs) + 0.02 * sway, rfoot_z=0.88, lfoot_y=0.0,
        feet_x=0.14 + 0.08 * s.free,
        lfoot_pitch=-62 + 14 * sway, rfoot_pitch=-62 - 14 * sway, hip_pitch=-8.0,
        back_pitch=-10 + 8 * s.lean + 2 * sway,
        arms_fwd=-58.0, arms_out=26 + 6 * s.arms, arms_bend=8.0, larm_fwd=-58 + 90 * (s.accent > 0.2).float(),
        head_yaw=24 * s.head,
        head_pitch=6 * wave_of(t, 1, 0.2), head_roll=8 * sway,
    )  # fmt: skip


def sit_chair(p: Pose, t: Tensor, s: Style) -> Pose:
    kick_ = wave_of(t)
    return p.set(
        height=0.5, lfoot_z=0.5 + 0.14 * kick_.clamp(min=0), rfoot_z=0.5 + 0.14 * (-kick_).clamp(min=0),
        lfoot_y=0.1 * kick_.clamp(min=0), rfoot_y=0.1 * (-kick_).clamp(min=0), feet_x=0.1 + 0.05 * s.legs,
        lfoot_pitch=-18 * kick_.clamp(min=0), rfoot_pitch=-18 * (-kick_).clamp(min=0),
        back_pitch=4 + 8 * s.lean + 2 * kick_,
        arms_fwd=36 + 4 * s.arms, arms_bend=44.0, arms_twist=16.0, arms_out=10.0, head_yaw=20 * s.head,
        head_pitch=8 * wave_of(t, 1, 0.3),
    )  # fmt: skip


def squat(p: Pose, t: Tensor, s: Style) -> Pose:
    down = (1 - exact.cos(2 * torch.pi * t)) / 2
    return p.set(
        height=0.96 - 0.58 * down * (0.9 + 0.1 * s.size), feet_x=0.16 + 0.05 * s.legs, feet_z=0.1 * down, feet_yaw=26.0,
        knees_out=34.0, back_pitch=40 * down + 4 * s.lean, head_pitch=-28 * down, arms_fwd=16 + 76 * down,
        arms_out=8 + 5 * s.arms,
        arms_bend=10 + 10 * down, hip_pitch=8 * down,
    )  # fmt: skip


def bow(p: Pose, t: Tensor, s: Style) -> Pose:
    b = keys(t, (0.0, 0.0), (0.35, 1.0), (0.6, 1.0), (0.9, 0.0))
    return p.set(
        hip_pitch=38 * b * s.size, back_pitch=32 * b, head_pitch=14 * b, larm_fwd=30 * b, larm_bend=16 + 78 * b,
        larm_twist=58 * b,
        rarm_out=12 + 40 * b * (0.6 + 0.4 * s.arms), rarm_fwd=-30 * b, rarm_bend=14.0, lfoot_z=0.2 * b,
        rfoot_z=-0.14 * b,
        height=0.965 - 0.05 * b, z=-0.14 * b, rfoot_pitch=12 * b, head_yaw=10 * s.head,
    )  # fmt: skip


def crawl(p: Pose, t: Tensor, s: Style) -> Pose:
    a = wave_of(t)
    return p.set(
        height=0.5, hip_pitch=78 + 4 * s.lean, back_pitch=8.0, head_pitch=-58 + 8 * s.head,
        lfoot_z=-0.5 + 0.17 * a * s.size, rfoot_z=-0.5 - 0.17 * a * s.size, lfoot_y=0.05 * wave_of(t, 1,
            0.25).clamp(min=0),
        rfoot_y=0.05 * (-wave_of(t, 1, 0.25)).clamp(min=0), feet_pitch=82.0, feet_x=0.06, feet_yaw=0.0,
        larm_fwd=86 - 26 * a, rarm_fwd=86 + 26 * a, arms_out=10 + 6 * s.arms, arms_bend=12.0, hands_=-60.0,
        back_yaw=10 * a, hip_yaw=-8 * a, back_roll=4 * a, z=0.15,
    )  # fmt: skip


def kneel(p: Pose, t: Tensor, s: Style) -> Pose:
    a = wave_of(t)
    return p.set(
        height=0.5, lfoot_z=0.46 + 0.04 * s.legs, rfoot_z=-0.46, rfoot_pitch=74.0, feet_x=0.06,
        back_pitch=12 + 10 * s.lean + 3 * a,
        larm_fwd=46.0, larm_bend=62.0, larm_twist=24.0, rarm_out=16 + 10 * s.arms, rarm_bend=24 + 8 * a,
        head_pitch=14 + 12 * s.head, head_yaw=14 * a, z=-0.05,
    )  # fmt: skip


def dance_a(p: Pose, t: Tensor, s: Style) -> Pose:  # side steps, arms sweeping overhead
    a, b = wave_of(t), wave_of(t, 2)
    return p.set(
        x=0.16 * a * s.size, lfoot_x=0.14 - 0.16 * a, rfoot_x=0.14 + 0.16 * a, lfoot_y=0.12 * a.clamp(min=0),
        rfoot_y=0.12 * (-a).clamp(min=0),
        height=0.91 + 0.03 * b, hip_roll=13 * a, back_roll=-24 * a * s.size, head_roll=12 * a, hip_yaw=10 * b,
        larm_out=80 + 68 * a, rarm_out=80 - 68 * a, arms_bend=30 + 12 * b + 10 * s.arms, arms_twist=-60.0,
        back_pitch=4 * s.lean,
        head_yaw=12 * s.head,
    )  # fmt: skip


def dance_b(p: Pose, t: Tensor, s: Style) -> Pose:  # twist: knees and fists opposite
    a, b = wave_of(t), wave_of(t, 2)
    return p.set(
        hip_yaw=34 * a * s.size, back_yaw=-58 * a * s.size, head_yaw=26 * a, height=0.83 + 0.05 * b + 0.03 * s.legs,
        feet_x=0.14,
        lfoot_yaw=10 + 26 * a, rfoot_yaw=10 - 26 * a, lfoot_z=0.1 * a, rfoot_z=-0.1 * a, lfoot_pitch=20 * (1 + a) / 2,
        larm_fwd=52 + 40 * a, rarm_fwd=52 - 40 * a, arms_bend=94 + 10 * s.arms, arms_out=20.0,
        back_pitch=14 + 6 * s.lean, head_pitch=-8.0,
    )  # fmt: skip


def dance_c(p: Pose, t: Tensor, s: Style) -> Pose:  # disco: one arm to the sky, one to the hip
    a = keys(t, (0.0, 0.0), (0.25, 1.0), (0.4, 1.0), (0.7, 0.0))
    b = wave_of(t, 2)
    return p.set(
        larm_out=20 + 122 * a, larm_fwd=10 + 24 * (1 - a), larm_bend=14 + 30 * (1 - a), larm_twist=30 * (1 - a),
        rarm_out=50.0, rarm_fwd=-16.0, rarm_bend=100 + 6 * s.arms, rarm_twist=62.0, hip_roll=-14 + 26 * a + 4 * b,
        back_roll=14 - 28 * a,
        back_yaw=-20 + 38 * a * s.size, lfoot_x=0.2 + 0.06 * s.legs, rfoot_x=0.12, rfoot_pitch=34 * (1 - a),
        rfoot_z=0.08, knees_out=16.0,
        height=0.92 + 0.02 * b, head_yaw=-18 + 44 * a, head_pitch=-12 * a,
    )  # fmt: skip


def floss(p: Pose, t: Tensor, s: Style) -> Pose:  # straight arms swing across while the hips go the other way
    a = wave_of(t, 2)
    return p.set(
        larm_out=10 + 44 * a * s.size, rarm_out=10 - 44 * a * s.size, larm_fwd=26 * wave_of(t),
        rarm_fwd=26 * wave_of(t), arms_bend=4.0,
        x=-0.1 * a, lfoot_x=0.16 + 0.1 * a, rfoot_x=0.16 - 0.1 * a, hip_roll=-14 * a, back_roll=22 * a,
        height=0.9 + 0.02 * wave_of(t, 4),
        head_roll=-8 * a, back_pitch=8 + 5 * s.lean, head_yaw=10 * s.head,
    )  # fmt: skip


def sword_swing(p: Pose, t: Tensor, s: Style) -> Pose:
    up = keys(t, (0.0, 0.2), (0.3, 1.0), (0.42, 1.0), (0.56, 0.0), (0.85, 0.0))
    cut = keys(t, (0.4, 0.0), (0.58, 1.0), (0.74, 1.0), (0.98, 0.0))
    return p.set(
        rarm_fwd=34 + 112 * up - 4 * cut, rarm_out=10 + 18 * up - 8 * cut, rarm_bend=36 + 56 * up - 24 * cut,
        rarm_twist=16.0,
        larm_fwd=42 + 76 * up + 4 * cut, larm_out=-6.0, larm_bend=58 + 30 * up - 26 * cut, larm_twist=34.0,
        back_yaw=-20 * up + 34 * cut * s.size, back_pitch=-14 * up + 40 * cut * s.size, hip_pitch=10 * cut,
        head_pitch=-10 * cut, head_yaw=-16 * cut + 10 * up,
        lfoot_z=0.12 + 0.26 * cut, rfoot_z=-0.18 - 0.14 * cut, feet_x=0.1 + 0.04 * s.legs, rfoot_yaw=30.0,
        rfoot_pitch=26 * cut, height=0.92 - 0.14 * cut,
        z=0.12 * cut,
    )  # fmt: skip


def spell(p: Pose, t: Tensor, s: Style) -> Pose:
    gather = keys(t, (0.0, 1.0), (0.2, 1.0), (0.45, 0.0), (0.75, 0.0))
    blast = 1 - gather
    return p.set(
        arms_fwd=44 * gather + 84 * blast, arms_out=22 - 12 * blast + 8 * s.arms * blast,
        arms_bend=116 * gather + 6 * blast,
        arms_twist=40 * gather, hands_=-70 * blast, back_pitch=-16 * gather + 14 * blast * s.size,
        head_pitch=10 * gather - 10 * blast,
        lfoot_z=0.24, rfoot_z=-0.24 - 0.1 * blast, rfoot_yaw=30.0, height=0.9 - 0.06 * blast, rfoot_pitch=18 * blast,
        z=-0.08 * gather + 0.1 * blast,
        feet_x=0.1 + 0.04 * s.legs, back_roll=8 * wave_of(t, 2) * gather,
    )  # fmt: skip


def fall(p: Pose, t: Tensor, s: Style) -> Pose:
    f = keys(t, (0.0, 0.0), (0.08, 0.0), (0.42, 1.0), (0.72, 1.0))  # backwards onto the floor, and up again
    flail = exact.sin(torch.pi * f) * (0.8 + 0.2 * s.size)
    return p.set(
        hip_pitch=-84 * f, back_pitch=4 * f + 20 * flail, head_pitch=6 * f + 20 * flail, height=0.97 - 0.83 * f,
        lfoot_z=0.86 * f - 0.2 * flail, rfoot_z=0.88 * f,
        lfoot_y=(0.16 + 0.1 * s.legs) * flail, rfoot_y=0.05 * flail, feet_pitch=-74 * f, feet_x=0.04 + 0.12 * f,
        arms_out=12 + (62 + 14 * s.arms) * f,
        arms_fwd=70 * flail, arms_bend=12 + 22 * flail, z=-0.1 * f, hip_roll=10 * s.lean * flail,
        head_yaw=24 * s.head * f,
    )  # fmt: skip


def turn(p: Pose, t: Tensor, s: Style) -> Pose:
    a, b = wave_of(t, 2), wave_of(t, 2, 0.25)
    return p.set(
        turn=360 * t + 8 * wave_of(t), lfoot_y=0.12 * a.clamp(min=0), rfoot_y=0.12 * (-a).clamp(min=0),
        lfoot_yaw=8 + 12 * b, rfoot_yaw=8 - 12 * b,
        arms_out=40 + 14 * s.arms + 8 * b, arms_bend=24.0, back_yaw=-8.0, head_yaw=14 * wave_of(t) + 10 * s.head,
        height=0.94 + 0.015 * b,
        back_roll=4 * a,
    )  # fmt: skip


def ballet(p: Pose, t: Tensor, s: Style) -> Pose:  # on one toe, the other leg behind, arms in a curve
    a = keys(t, (0.0, 0.0), (0.3, 1.0), (0.65, 1.0), (0.9, 0.0))
    return p.set(
        lfoot_pitch=44 * a, rfoot_z=-0.74 * a * (0.85 + 0.15 * s.size), rfoot_y=0.46 * a, rfoot_pitch=96 * a,
        hip_pitch=24 * a, back_pitch=-22 * a,
        larm_fwd=128 * a, larm_out=14.0, larm_bend=24.0, rarm_out=16 + 78 * a, rarm_bend=18.0, rarm_twist=-20.0,
        head_pitch=-14 * a,
        head_yaw=16 * s.head * a, height=0.985 - 0.02 * (1 - a), lfoot_x=0.02, rfoot_x=0.05 + 0.05 * s.legs,
        back_roll=5 * wave_of(t),
    )  # fmt: skip


def fly(p: Pose, t: Tensor, s: Style) -> Pose:  # hero's flight, a fist ahead
    a, b = wave_of(t), wave_of(t, 1, 0.25)
    return p.set(
        lift=0.4 + 0.06 * a, hip_pitch=48 + 6 * s.lean + 3 * a, back_pitch=-6.0, head_pitch=-34.0,
        rarm_fwd=158 + 5 * a, rarm_out=6.0, rarm_bend=6.0,
        larm_fwd=-14 + 6 * b, larm_out=22 + 8 * s.arms, larm_bend=26.0, height=0.62, lfoot_z=-0.66,
        rfoot_z=-0.44 - 0.04 * b, rfoot_y=0.18 + 0.05 * s.legs,
        lfoot_y=0.04 * b, lfoot_pitch=98.0, rfoot_pitch=84.0, hip_roll=8 * a, feet_x=0.03, feet_yaw=0.0,
    )  # fmt: skip


# The order decides which clip a random number chooses: another order would change every sample.
CLIP_FUNCTIONS: dict[str, Clip] = {
    function.__name__: function
    for function in (
        idle, hands_on_hips, walk, sneak, run, jump, star_jump, wave, cheer, clap, punch, kick, throw, sit,
        sit_chair, squat, bow, crawl, kneel, dance_a, dance_b, dance_c, floss, sword_swing, spell, fall, turn,
        ballet, fly,
    )
}  # fmt: skip
