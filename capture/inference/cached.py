"""A generator cut in three, so that what does not change is computed once: who, in what pose, and the picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Features = dict[str, Tensor]  # of a batch of pictures: every tensor's first dimension is the batch


class Parts:
    """The two encoders and the decoder of a generator, compiled where asked for.

    A generator that can't be cut (another method's) is all decoder, and its features are the pictures themselves; where
    a pose's features depend on the identity (enc_adain_layers, enc_attn_layers), the pose's are.

    Attributes:
        encode_identity: (images (B, 3, S, S), eps (B, 4m)) -> Features.  encode_pose: images -> Features.
        decode: (identity Features, pose Features, noise (B, 2, 4m)) -> images.
    """

    def __init__(self, network: nn.Module, compiled: bool = False):
        self.network = network
        if not hasattr(network, "encode_identity"):
            self.encode_identity, self.encode_pose, self.decode = _keep_identity, _keep_pose, self._whole
        elif network.pose_encoder.needs_identity:
            self.encode_identity, self.encode_pose, self.decode = self._identity, _keep_pose, self._rest
        else:
            self.encode_identity, self.encode_pose, self.decode = self._identity, self._pose, self._picture
        if compiled:
            on_gpu = next(network.parameters()).device.type == "cuda"
            # on a GPU, recorded graphs take the launches away; on a CPU, weights are laid out for it once
            how = {"mode": "reduce-overhead"} if on_gpu else {"options": {"freezing": True}}
            for name in ("encode_identity", "encode_pose", "decode"):
                if getattr(self, name) not in (_keep_identity, _keep_pose):
                    setattr(self, name, _owned(torch.compile(getattr(self, name), dynamic=False, **how), on_gpu))

    def _identity(self, images: Tensor, eps: Tensor) -> Features:
        skips = self.network.encode_identity(images, eps)
        pose_encoder = self.network.pose_encoder
        needed = self.network.decoder.identity_levels | {int(k) for k in pose_encoder.attn_modules}
        return {str(k): skips[k] for k in sorted(needed | set(pose_encoder.adain_layers))}

    def _pose(self, images: Tensor) -> Features:
        skips = self.network.encode_pose(images, {})
        return {str(k): skips[k] for k in sorted(self.network.decoder.pose_levels)}

    def _picture(self, identity: Features, pose: Features, noise: Tensor) -> Tensor:
        return self.network.decode(_by_level(identity), _by_level(pose), noise[:, 1])

    def _rest(self, identity: Features, pose: Features, noise: Tensor) -> Tensor:
        skips = _by_level(identity)
        return self.network.decode(skips, self.network.encode_pose(pose["image"], skips), noise[:, 1])

    def _whole(self, identity: Features, pose: Features, noise: Tensor) -> Tensor:
        return self.network(identity["image"], pose["image"], noise)


def repeated(features: Features, count: int) -> Features:
    """Features of one picture as those of a batch of it."""
    return {
        name: value.expand(count, *value.shape[1:]).contiguous(
            memory_format=torch.channels_last if value.dim() == 4 else torch.contiguous_format
        )
        for name, value in features.items()
    }


def _by_level(features: Features) -> dict[int, Tensor]:
    return {int(name): value for name, value in features.items()}


def _keep_identity(images: Tensor, eps: Tensor) -> Features:
    return {"image": images}


def _keep_pose(images: Tensor) -> Features:
    return {"image": images}


def _owned(run: Callable, on_gpu: bool) -> Callable:
    """Results that the next call does not overwrite: a recorded graph writes to the same memory every time."""
    if not on_gpu:
        return run

    def copied(*args):
        torch.compiler.cudagraph_mark_step_begin()
        made = run(*args)
        return {name: value.clone() for name, value in made.items()} if isinstance(made, dict) else made.clone()

    return copied
