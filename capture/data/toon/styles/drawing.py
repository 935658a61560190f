"""`render_styled`: shots drawn in styles, with maps that follow the style."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from capture.data.styles.edges import hand_drawn
from capture.data.styles.filters import compose
from capture.data.styles.layers import Layers
from capture.data.styles.style import SOFT, Style
from capture.data.toon.rendering.camera import Shot
from capture.data.toon.rendering.outlines import grown
from capture.data.toon.rendering.render import BACKGROUND, Albedo, albedo, ground_truth, inner_ink, pooled
from capture.data.toon.rendering.scene import Scene, make_scene
from capture.data.toon.skeleton import dot3, unit3
from capture.data.toon.styles.figures import styled_character

_PALE = 0.6  # where less than this share of the paint is laid on, ink draws the faces


def render_styled(
    shots: Sequence[Shot], size: int, styles: Sequence[Style], device: str | torch.device = "cpu", maps: str = "iuv"
) -> dict[str, Tensor]:
    """Draw shots, each in its style. Shots of the same style share palette, paper and ground.

    Args:
        shots, size, device: as in `render`.
        styles: one for each shot.
        maps: which maps: iuv, or iuv_faces (see `render`).
    Returns:
        rgb    uint8 (N, 3, S, S)
        iuv    uint8 (N, 3, S, S), exact: of pixel art, it is that of the sample in the middle of each large pixel
        alpha  uint8 (N, 1, S, S), how much of each pixel the figure covers
        ground uint8 (N, 3, S, S), what is behind it
        mask   bool (N, S, S): where paint and ink cover half of a pixel or more
    """
    with torch.no_grad():
        characters = [styled_character(shot.character_seed, style.figure) for shot, style in zip(shots, styles)]
        return draw_scene(make_scene(shots, size, str(device), characters), styles, maps)


def draw_scene(scene: Scene, styles: Sequence[Style], kind: str = "iuv") -> dict[str, Tensor]:
    """Draw a scene whose figures have the eyes and limbs of the styles already.

    Args:
        styles: one for each picture.  kind: of maps.
    Returns:
        what `render_styled` returns.
    """
    with torch.no_grad():
        maps = ground_truth(scene, (kind,))[kind]
        painted = albedo(scene)
        colour = _lit(scene, painted, styles)
        inner, features = inner_ink(scene), None
        if any(style.medium.paint < _PALE for style in styles):
            features = scene.image(_features(painted), False)
        rgb, iuv, alpha, ground = (torch.empty_like(x) for x in (maps, maps, maps[:, :1], maps))
        for style in dict.fromkeys(styles):
            rows = torch.tensor([row for row, other in enumerate(styles) if other == style], device=maps.device)
            pale = features if style.medium.paint < _PALE else None
            layers = _layers(scene, rows, style, colour, inner, pale, maps)
            rgb[rows], iuv[rows], alpha[rows], ground[rows] = compose(layers, style)
        return {"rgb": rgb, kind: iuv, "mask": alpha[:, 0] >= 128, "alpha": alpha, "ground": ground}


def _features(painted: Albedo) -> Tensor:
    """Which seen samples show a dark feature of a face, such as a pupil, a brow or a mouth, (F,) bool."""
    darker = (painted.fabric - painted.colour).mean(1) > 0.12
    return darker & (painted.face > 0) & (painted.colour.mean(1) < 0.45)


def _lit(scene: Scene, painted: Albedo, styles: Sequence[Style]) -> Tensor:
    """Light by the style of each picture, on the colours (F, 3) of the seen samples."""
    colour, gloss = painted.colour, painted.gloss
    tensor = lambda values: torch.tensor(values, dtype=torch.float32, device=colour.device)  # noqa: E731
    shadings = [style.shading for style in styles]
    frame = scene.frame
    light = unit3(tensor([s.light for s in shadings]))
    tones, shade = tensor([s.tones for s in shadings])[frame], tensor([s.shade for s in shadings])[frame]
    normal = scene.surfaces.normal
    facing = dot3(normal, light[frame])
    edge = torch.where(painted.face > 0, -0.12, 0.12)  # faces stay open, or eyes would drown in shade
    level = ((facing - edge) * torch.where(tones == 2, 1.0, 0.75) + 0.5).clamp(0, 1)
    level = torch.where(tones == SOFT, level, (level * tones).floor().minimum(tones - 1) / (tones - 1).clamp(min=1))
    level = torch.where(tones == 0, 1.0, level).unsqueeze(-1)
    colour = colour * (shade + (1 - shade) * level)
    half = unit3(light + tensor((0.0, 0.0, 0.35)))[frame]
    shiny = (gloss > 0) & tensor([float(s.highlights) for s in shadings])[frame].bool()
    spot = shiny & (dot3(normal, half) > 0.965)
    return torch.where(spot.unsqueeze(-1), colour + (1 - colour) * 0.5, colour)


def _layers(
    scene: Scene, rows: Tensor, style: Style, colour: Tensor, inner: Tensor, features: Tensor | None, maps: Tensor
) -> Layers:
    """The pictures `rows` as layers, in pixels.

    Args:
        features: (count, side, side) bool, features of faces that are drawn with ink, where paint would not show them.
    """
    fine, device = scene.side, colour.device
    unit = fine / 256
    # the samples of the chosen pictures lie one after the other, as seen positions are sorted
    first = torch.searchsorted(scene.seen, rows * (fine * fine))
    last = torch.searchsorted(scene.seen, (rows + 1) * (fine * fine))
    which = torch.cat([torch.arange(int(a), int(b), device=device) for a, b in zip(first, last)])
    place = torch.cat(
        [scene.seen[a:b] - row * fine * fine + k * fine * fine for k, (a, b, row) in enumerate(zip(first, last, rows))]
    )
    paint = torch.zeros(len(rows) * fine * fine, 3, device=device)
    paint.index_copy_(0, place, colour.index_select(0, which))
    paint = paint.view(len(rows), fine, fine, 3)
    body = scene.number[rows] >= 0
    ink = style.ink
    lines = torch.zeros_like(body)
    if ink.outer:
        lines = grown(body, max(round(ink.outer * unit), 1)) & ~body
    if ink.inner:
        inside = inner[rows]
        lines = lines | (grown(inside, round((ink.inner - 1) * unit)) & body if ink.inner > 1 else inside)
    if features is not None:
        lines = lines | features[rows]
    if ink.wobble or ink.broken:
        lines = hand_drawn(lines, ink, style.seed, unit)
    own = (
        scene.batch.outline[rows]
        if ink.colour is None
        else torch.tensor(ink.colour, device=device).expand(len(rows), 3)
    )
    over = (lines & body).unsqueeze(-1) * ink.own
    stroke = own[:, None, None, :] * (1 - over) + paint * over
    painted = (body & ~lines).unsqueeze(-1)
    four = pooled(torch.cat((paint * painted, painted, stroke * lines.unsqueeze(-1), lines.unsqueeze(-1)), -1))
    four = four.permute(0, 3, 1, 2)
    share, ink_share = four[:, 3:4], four[:, 7:8]
    ground = torch.tensor(BACKGROUND, dtype=torch.float32, device=device).div(255).view(1, 3, 1, 1)
    ground = ground.expand(len(rows), -1, -1, -1)
    colour = (four[:, :3] / share.clamp(min=1e-6)).clamp(0, 1)
    return Layers(colour, share, four[:, 4:7], ink_share, maps[rows], ground)
