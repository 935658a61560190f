"""The generator of CaPTURe-Parts: segment both pictures, move the parts, lay the output out, warp, refine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.io.roles import IDENTITY, identities_in
from capture.methods.base import Details, Features, Generator, Inputs
from capture.methods.capture.encoders import IdentityEncoder, PoseEncoder
from capture.methods.capture_parts.decoder import PartsDecoder
from capture.methods.capture_parts.face_parts import add_parts, merge_face_parts
from capture.methods.capture_parts.ground import estimate_ground
from capture.methods.capture_parts.identity_pictures import Combined, combine, pack, unpack
from capture.methods.capture_parts.layout import Layout, LayoutNetwork
from capture.methods.capture_parts.mix_style import style_mixing
from capture.methods.capture_parts.output_query_attention import AttentionOutput
from capture.methods.capture_parts.part_motion import PartMotion, PartMotionTransformer
from capture.methods.capture_parts.part_textures import part_textures
from capture.methods.capture_parts.patch_size import enlarge_patches
from capture.methods.capture_parts.refiner import Refined, RefinementNetwork
from capture.methods.capture_parts.segmenter import PartSegmenter, Segmentation
from capture.methods.layers import Layers

HALVINGS = 4  # of the segmenter: a picture's side is a multiple of 2^4 positions
GROUND_KNOWN = "ground_known"  # an input, bool (B,): for which samples the input "ground" is one
PICTURE, SEGMENTATION, GROUND = "picture", "segmentation", "ground"  # features beside the encoders' skips
TEXTURES = "textures"


class LayoutDetails(NamedTuple):
    """What correspondence_loss reads: the segmentations of one picture of the identity and of the pose's, and the
    output's parts and layout."""

    identity: Segmentation
    pose: Segmentation
    motion: PartMotion
    layout: Layout


@dataclass
class PartsDetails(Details):
    """What a whole forward made, for the losses: the image, what its layout follows from, and the attention.

    laid_out: for each picture of the identity.
    figure_logits: (B, 1, S, S), the logits of the figure's alpha; None without networks.figure_alpha.
    """

    laid_out: list[LayoutDetails]
    attention: list[AttentionOutput]
    figure_logits: Tensor | None


class PartsGenerator(Generator):
    """Pictures are seen as squares of patch x patch pixels: h = S / patch positions to a side, 3 patch² channels.

    Args:
        config: the `capture_parts_config` section.
    Raises:
        ValueError: the parts don't fit each other; the message names the keys.
    """

    layered: ClassVar[bool] = True
    newer_parts: ClassVar[tuple[str, ...]] = ("refiner.figure.",)

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        networks, self.patch, num_parts = config["networks"], config["patch_size"], config["num_parts"]
        self.num_parts = num_parts
        self.downs, self.segmenter_grad_scale = networks["downs"], config["segmenter_grad_scale"]
        channels = skip_channels(networks)
        self.noise_dim = channels[len(channels)]
        c_in = 3 * self.patch**2
        self.segmenter = PartSegmenter(num_parts, c_in, networks["segmenter_ch"], halvings=HALVINGS)
        self.part_motion = PartMotionTransformer(num_parts)
        self.layout = LayoutNetwork(num_parts, self.patch, networks["layout_ch"])
        self.identity_encoder = IdentityEncoder(channels, c_in, in_norm=False, pad_type="zeros")
        self.pose_encoder = PoseEncoder(channels, c_in, in_norm=True, pad_type="zeros")
        self.decoder = PartsDecoder(channels, networks, detach_attention=config["loss"]["attention_weight"] > 0)
        self.figure_alpha, self.sharpness = networks["figure_alpha"], networks["sharpness"]
        self.part_textures = networks["part_textures"]
        self.refiner = RefinementNetwork(
            self.decoder.c_out, networks["c"], networks["layout_ch"], self.patch, self.figure_alpha
        )

    def forward(
        self,
        inputs: Inputs,
        noise: Tensor | None = None,
        details: bool = False,
        until: str = "image",
        style_numbers: Tensor | None = None,
    ) -> Any:
        """identity, perhaps identity_2 to identity_4, pose: (B, 3, S, S) in [-1, 1]; noise: (B, 2, noise_dim).

        The losses, which take `details`, see the layers' shares as they are; a picture alone has them sharpened.

        With networks.figure_alpha, `inputs` may hold the `ground` to composite over, (B, 3, S, S); else it is estimated
        from the identity's picture.

        Args:
            until: where the forward ends, for the stages of training. image: see `details`; layout: nothing is painted,
                returns LayoutDetails for each picture of the identity; segmentation: of the role `identity` alone,
                returns a Segmentation.
            style_numbers: (B, 2 MOST_PICTURES), which say how the segmenter mixes styles (mix_style.py), where nothing
                is painted; the role `identity` may then hold several pictures of each of the B samples.
        """
        identity, *others = identities_in(inputs).values()
        if until == "segmentation":
            return self._segment(identity, style_numbers)
        if until == "layout":
            pictures = [identity, *others, inputs["pose"]]
            seen = self._segment(torch.cat(pictures), style_numbers)
            *segmentations, pose = (Segmentation(*parts) for parts in zip(*(x.chunk(len(pictures)) for x in seen)))
            return [self._lay_out(segmentation, pose) for segmentation in segmentations]
        if noise is None:
            noise = identity.new_zeros(len(identity), 2, self.noise_dim)
        noise = noise.to(identity.dtype)
        identities = [self.encode_identity(inputs, noise[:, 0]), *map(self._see_identity, others)]
        made = self._paint(identities, self.encode_pose(inputs), noise, 1.0 if details else self.sharpness)
        return made if details else made.image

    def encode_identity(self, inputs: Inputs, noise: Tensor) -> Features:
        seen = self._see_identity(inputs[IDENTITY])
        skips = self.identity_encoder(seen[PICTURE], noise)
        kept = {k: skips[k] for k in sorted(self.decoder.identity_levels)}
        return {**kept, **seen, **self._ground(inputs, _as_segmentation(seen))}

    def encode_pose(self, inputs: Inputs) -> Features:
        picture = self._patches(inputs["pose"])  # (B, 3 patch², h, w)
        skips = self.pose_encoder(picture, {})
        return {**{k: skips[k] for k in sorted(self.decoder.pose_levels)}, **_as_features(self.segmenter(picture))}

    def segment(self, image: Tensor) -> Tensor | None:
        return merge_face_parts(self.segmenter(self._patches(image)).logits)  # (B, parts + 1, h, w)

    def decode(self, identity: Features, pose: Features, noise: Tensor) -> Tensor:
        return self._paint([identity], pose, noise, self.sharpness).image

    def estimate_motion(self, identities: Sequence[Features], pose: Features) -> Features:
        return pack([(made.motion, made.layout) for made in self._lay_out_all(identities, pose)])

    def decode_layers(self, identities: Sequence[Features], pose: Features, motion: Features, noise: Tensor) -> Layers:
        found, refined, _ = self._refine(identities, pose, unpack(motion), noise)
        refined = refined.sharpened(self.sharpness)
        image, figure_logits = self._composite(refined, identities[0])
        return Layers(
            image=image.float(),
            painted=F.pixel_shuffle(refined.painted.float(), self.patch),
            warped_share=F.pixel_shuffle(refined.alpha_logits.float().sigmoid(), self.patch),
            logits=found.correspondence.logits,
            part_maps=found.part_maps,
            part_source=found.part_source,
            residual_flow=found.residual_flow,
            figure_alpha=None if figure_logits is None else figure_logits.sigmoid(),
            pose_logits=merge_face_parts(_as_segmentation(pose).logits),
        )

    def adapted_weights(self, weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
        theirs = config.get("capture_parts_config", {}).get("patch_size", self.patch)
        if theirs != self.patch:
            weights = enlarge_patches(weights, theirs, self.patch)
        parts = config.get("capture_parts_config", {}).get("num_parts", self.num_parts)
        return weights if parts == self.num_parts else add_parts(weights, parts, self.num_parts)

    def check_size(self, size: int) -> None:
        side = self.patch * 2**HALVINGS
        if size % side or size < 2 * side:
            raise ValueError(
                f"image_size {size} must be a multiple of {side} = patch_size * {2**HALVINGS}, and at least {2 * side}"
            )
        multiple = self.patch * 2 ** (self.downs + 2)
        if size % multiple or size < 2 * multiple:
            raise ValueError(
                f"image_size {size} must be a multiple of patch_size * 2^(downs+2) = {multiple}, and at least "
                f"{2 * multiple} (downs is {self.downs})"
            )

    def _segment(self, pictures: Tensor, style_numbers: Tensor | None) -> Segmentation:
        """Several pictures of each sample: all first ones before all second ones."""
        mixing = None
        if style_numbers is not None:
            mixing = style_mixing(style_numbers, len(pictures) // len(style_numbers))
        segmentation: Segmentation = self.segmenter(self._patches(pictures), mixing)
        return segmentation

    def _see_identity(self, image: Tensor) -> Features:
        """What every picture of the identity contributes: its pixels and its parts."""
        picture = self._patches(image)  # (B, 3 patch², h, w)
        segmentation = self.segmenter(picture)
        seen = {PICTURE: picture, **_as_features(segmentation)}
        return seen | {TEXTURES: part_textures(image, segmentation.logits)} if self.part_textures else seen

    def _paint(
        self, identities: Sequence[Features], pose: Features, noise: Tensor, sharpness: float = 1.0
    ) -> PartsDetails:
        """All that comes after the encoders."""
        laid_out = self._lay_out_all(identities, pose)
        motions = [(made.motion, made.layout) for made in laid_out]
        _, refined, attention = self._refine(identities, pose, motions, noise)
        image, figure_logits = self._composite(refined.sharpened(sharpness), identities[0])
        return PartsDetails(image, laid_out, attention, figure_logits)

    def _refine(
        self,
        identities: Sequence[Features],
        pose: Features,
        motions: Sequence[tuple[PartMotion, Layout]],
        noise: Tensor,
    ) -> tuple[Combined, Refined, list[AttentionOutput]]:
        """Where the pixels come from, the layers of the picture, and what the attention modules made."""
        pictures = [self._pixels(identity) for identity in identities]
        segmentations = [_as_segmentation(identity) for identity in identities]
        found = combine(self.layout, segmentations, pictures, motions)
        state, attention = self.decoder(identities[0], pose, noise[:, 1], found.correspondence)  # (B, m / 4, h, w)
        return found, self.refiner(state, pose[1], found.warped, found.correspondence), attention

    def _pixels(self, identity: Features) -> Tensor:
        """What the pixels of a picture are sampled from: the picture itself or the textures of its parts."""
        return identity[TEXTURES] if self.part_textures else F.pixel_shuffle(identity[PICTURE], self.patch)

    def _composite(self, refined: Refined, identity: Features) -> tuple[Tensor, Tensor | None]:
        """The picture (B, 3, S, S), and the logits of the figure's alpha (B, 1, S, S), where it is predicted."""
        image = F.pixel_shuffle(refined.picture(), self.patch)
        if refined.figure_logits is None:
            return image, None
        logits = F.pixel_shuffle(refined.figure_logits, self.patch)
        alpha = logits.sigmoid()
        return (alpha * image + (1 - alpha) * identity[GROUND]).to(image.dtype), logits

    def _ground(self, inputs: Inputs, segmentation: Segmentation) -> Features:
        """What the figure is composited over, where its alpha is predicted."""
        if not self.figure_alpha:
            return {}
        if GROUND in inputs and GROUND_KNOWN not in inputs:
            return {GROUND: inputs[GROUND].float()}
        background = segmentation.logits.softmax(dim=1)[:, :1]  # (B, 1, h, w)
        background = F.interpolate(background, scale_factor=float(self.patch), mode="nearest")
        estimated = estimate_ground(inputs[IDENTITY], background.detach())
        if GROUND not in inputs:
            return {GROUND: estimated}
        known = inputs[GROUND_KNOWN][:, None, None, None]  # of each sample
        return {GROUND: torch.where(known, inputs[GROUND].float(), estimated)}

    def _lay_out_all(self, identities: Sequence[Features], pose: Features) -> list[LayoutDetails]:
        return [self._lay_out(_as_segmentation(identity), _as_segmentation(pose)) for identity in identities]

    def _lay_out(self, identity: Segmentation, pose: Segmentation) -> LayoutDetails:
        """Motion and layout, which pass a share of their gradient on to the segmentations."""
        seen = identity, pose
        if self.segmenter_grad_scale < 1:
            identity, pose = (
                Segmentation(*(scale_gradient(x, self.segmenter_grad_scale) for x in segmentation))
                for segmentation in (identity, pose)
            )
        motion = self.part_motion(identity, pose)
        return LayoutDetails(*seen, motion, self.layout(identity, pose, motion))

    def _patches(self, image: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 3 patch², h, w)."""
        return F.pixel_unshuffle(image, self.patch)


def skip_channels(networks: dict[str, Any]) -> dict[int, int]:
    """Channels of the encoders' skip levels; `code_ch` sets the two smallest, which min_ch sets in CaPTURe."""
    widths = [min(networks["c"] * 2**k, networks["min_ch"]) for k in range(networks["downs"] + 1)]
    code = networks["code_ch"] or networks["min_ch"]
    return dict(enumerate([*widths, 2 * code, 4 * code], start=1))


def scale_gradient(x: Tensor, scale: float) -> Tensor:
    """x itself, of whose gradient only a share goes on."""
    constant = x.detach()
    return constant + scale * (x - constant)


def _as_features(segmentation: Segmentation) -> Features:
    return {f"{SEGMENTATION}_{name}": value for name, value in segmentation._asdict().items()}


def _as_segmentation(features: Features) -> Segmentation:
    return Segmentation(*(features[f"{SEGMENTATION}_{name}"] for name in Segmentation._fields))
