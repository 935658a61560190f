"""The contract between a method and everything else: training, rendering and the table know methods by it alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from capture.methods.layers import Layers

Inputs = Mapping[str, Tensor]  # images (B, 3, S, S) in [-1, 1] and dense maps uint8 (B, 3, S, S), by their role
# (further pictures of the identity are identity_2, ..., where a generator is `layered`: capture.io.roles)
Features = dict[Any, Tensor]  # what one picture contributes; the first dimension of every tensor is the batch
Loss = tuple[Tensor, dict[str, Tensor]]  # a scalar to go backward from, and metrics by name, detached scalars


@dataclass
class Details:
    """What a generator made on the way to its picture, for the losses. Methods add fields of their own.

    Attributes:
        image: (B, 3, S, S) in [-1, 1].
    """

    image: Tensor


class Generator(nn.Module, ABC):
    """The network that makes pictures: a function of its inputs and of the noise, without any other state.

    A generator that can be cut into the two encoders and the decoder overrides the three methods, so that one identity
    or one pose is encoded once for many pictures. The others keep their inputs and do all their work in `decode`.

    Attributes:
        inputs: roles that `forward` reads: identity, pose, identity_uv, pose_uv, target_uv.
        noise_dim: width of the noise, 0 for a method without noise.
        coordinates: whether maps are coordinates in an atlas, float (B, 2, S, S), in place of IUV maps.
        relative: whether `transfer_relative` drives a video's frames relative to its first one.
        layered: whether `estimate_motion` and `decode_layers` are there: pictures at the identity's own size, of
            several pictures of one identity, and videos that are smoothed over time.
        streams: samples that are best computed at the same time, each in a thread of its own; 1: batches are better.
        newer_parts: beginnings of the names of parameters that weights of an earlier version may lack. A run that
            starts from such weights begins with fresh ones there.
    """

    inputs: tuple[str, ...] = ("identity", "pose")
    noise_dim: int = 0
    coordinates: bool = False
    relative: bool = False
    streams: int = 1
    layered: ClassVar[bool] = False
    newer_parts: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def forward(self, inputs: Inputs, noise: Tensor | None = None, details: bool = False) -> Any:
        """Render identities in poses.

        Args:
            inputs: the roles of `inputs`, each with the batch first.
            noise: (B, 2, noise_dim): [:, 0] belongs to the identity's encoder and [:, 1] to the decoder. None is zeros:
                the same inputs give the same picture.
            details: return `Details`, for the losses, in place of the picture.
        Returns:
            (B, 3, S, S) in [-1, 1].
        """

    def check_size(self, size: int) -> None:
        """ValueError, naming the rule, unless pictures of side `size` fit this configuration."""

    def encode_identity(self, inputs: Inputs, noise: Tensor) -> Features:
        """All that the identity contributes, from the roles that begin with "identity" and noise (B, noise_dim)."""
        return dict(inputs)

    def encode_pose(self, inputs: Inputs) -> Features:
        """All that the pose contributes, from the other roles."""
        return dict(inputs)

    def decode(self, identity: Features, pose: Features, noise: Tensor) -> Tensor:
        """The picture (B, 3, S, S) in [-1, 1] from both features and noise (B, 2, noise_dim)."""
        image: Tensor = self({**identity, **pose}, noise)  # (B, 3, S, S)
        return image

    def segment(self, image: Tensor) -> Tensor | None:
        """Which body part each position shows, for generators with a part segmenter; None for the others.

        Args:
            image: (B, 3, S, S) in [-1, 1].
        Returns:
            Logits (B, parts + 1, h, w): background, then the parts in the order of capture.io.iuv.PARTS.
        """
        return None

    def estimate_motion(self, identities: Sequence[Features], pose: Features) -> Features:
        """Where everything in the output comes from: tensors that may be averaged over the frames of a video.

        Args:
            identities: features of N pictures of one identity, the first of which counts most.
        """
        raise NotImplementedError

    def decode_layers(self, identities: Sequence[Features], pose: Features, motion: Features, noise: Tensor) -> Layers:
        """The picture in layers: `image` is that of `decode` where one identity picture and its own motion are given.

        Args:
            motion: what `estimate_motion` returned for these features.  noise: (B, 2, noise_dim).
        """
        raise NotImplementedError

    def transfer_relative(self, inputs: Inputs, first_pose: Tensor) -> Tensor:
        """A frame of a video: the identity moves as the driver has moved since its first frame (B, 3, S, S)."""
        raise NotImplementedError

    def adapted_weights(self, weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
        """Weights to start from, made with the configuration `config`, as this generator can load them.

        Raises:
            ValueError: they can't be adapted; the message names the key.
        """
        return weights

    @staticmethod
    def config_from_shapes(weights: dict[str, Tensor]) -> dict[str, Any]:
        """What the shapes of weights say of their configuration: for the message where those don't fit."""
        return {}

    def sample_noise(
        self, batch: int, device: torch.device | str = "cpu", generator: torch.Generator | None = None
    ) -> Tensor:
        """Standard normal noise (batch, 2, noise_dim), drawn on the CPU: a seed means the same picture everywhere."""
        return torch.randn(batch, 2, self.noise_dim, generator=generator).to(device)


class Method(ABC):
    """Networks that learn together, and the losses that they learn from.

    The trainer owns devices, precision, processes, optimisers and the order of things: for every name in `update_order`
    it asks for `loss(name, ...)`, goes backward and lets that network's optimiser take a step.

    Attributes:
        title, paper: for people: the name in tables, and where the method was published.
        learning_rates: network -> key of train_config.
        networks: by name; "gen" is the Generator, which the moving average follows. Checkpoints hold each as
            <name>_state_dict.
        trained: the same names as the trainer wrapped them (for several processes); `loss` calls these where gradients
            are wanted, and `networks` where they are not.
        update_order: networks in the order in which they are updated.
        min_micro_batch: samples that one forward of training needs at least.
        adaptation: values of keys for a run that adapts to pictures alone (`adaptation_samples`); {}: it can't.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    learning_rates: ClassVar[dict[str, str]] = {"gen": "lr_G", "disc": "lr_D"}
    update_order: tuple[str, ...] = ("gen",)
    min_micro_batch: int = 1
    adaptation: ClassVar[dict[str, Any]] = {}

    def __init__(self, config: dict[str, Any], networks: dict[str, nn.Module]):
        self.config, self.networks = config, networks
        self.trained: dict[str, nn.Module] = dict(networks)
        for name, network in networks.items():
            learning = self.trainable(network, name, config)
            if learning is not None:
                network.requires_grad_(False).eval()  # running statistics of what is frozen stay as they are
                for module in learning:
                    module.requires_grad_(True).train()

    @property
    def generator(self) -> Generator:
        """The network "gen"."""
        network = self.networks["gen"]
        assert isinstance(network, Generator)
        return network

    @classmethod
    @abstractmethod
    def build_generator(cls, config: dict[str, Any]) -> Generator:
        """The "gen" network alone, on the CPU. ValueError, naming keys, where the configuration's parts don't fit."""

    @classmethod
    def batch_keys(cls, config: dict[str, Any]) -> dict[str, str]:
        """What a batch must hold beside identity, real and pose: key -> what asks for it and what to do, for people."""
        return {}

    @classmethod
    def trainable(cls, network: nn.Module, name: str, config: dict[str, Any]) -> list[nn.Module] | None:
        """The submodules of network `name` that learn; None for all of it. The others are frozen in evaluation mode."""
        return None

    @classmethod
    def needs_trained(cls, config: dict[str, Any]) -> tuple[str, ...]:
        """The submodules of "gen" that this stage reads and does not train: an earlier stage has to train them."""
        return ()

    @abstractmethod
    def init_weights(self) -> None:
        """Fresh weights, from torch's global generator."""

    def sample_noise(self, batch: int, rng: torch.Generator) -> Tensor:
        """All that is random in one update, (batch, ...) on the CPU: a row belongs to a sample, whoever works on it."""
        return torch.zeros(batch, 0)

    @abstractmethod
    def loss(self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None) -> Loss:
        """The loss that network `name` is to lower, a mean over the batch, and metrics by name, detached scalars.

        Args:
            batch: float images (B, 3, S, S) in [-1, 1]: identity x, real y, pose p; perhaps further pictures of the
                identity (capture.io.roles), target with has_target (B,), and uint8 maps <role>_uv (B, 3, S, S), zeros
                where a sample has none.
            noise: this batch's rows of `sample_noise`.
            cache: lives for the updates of one batch, to hold what a later update needs again (the pictures made); None
                where a batch comes in several micro-batches and nothing can be kept.
        """

    @classmethod
    def transfer_garment(
        cls, generator: Any, inputs: Inputs, garment: Tensor, garment_uv: Tensor, parts: str
    ) -> Tensor | None:
        """The identity wears parts of another picture, such as "torso,legs"; None for methods that can't do it.

        Args:
            generator: built by this method.  inputs: as its `forward` takes them.
            garment: (B, 3, S, S) in [-1, 1], the picture that the parts come from.  garment_uv: its map.
        Returns:
            (B, 3, S, S) in [-1, 1].
        """
        return None

    @classmethod
    def adaptation_samples(
        cls, generator: Any, pictures: Tensor, ground: tuple[int, int, int], count: int, seed: int
    ) -> dict[str, Tensor] | None:
        """Training samples made of one character's pictures alone, to adapt to it; None for methods that can't do it.

        Args:
            generator: built by this method.
            pictures: uint8 (N, 3, S, S), figures on the `ground`, RGB.
        Returns:
            identity, real, pose, target: uint8 (count, 3, S, S); has_target: bool (count,).
        """
        return None

    @classmethod
    def map_predictor(
        cls, generator: Any, references: Tensor, reference_maps: Tensor
    ) -> Callable[[Tensor, int], Tensor] | None:
        """A function that predicts the IUV maps of pictures; None for methods and generators that can't.

        Args:
            generator: built by this method.
            references: (R, 3, S, S) in [-1, 1], pictures whose maps are known.  reference_maps: uint8 (R, 3, S, S).
        Returns:
            From pictures (B, 3, S, S) in [-1, 1] and a side to uint8 (B, 3, side, side), zeros for background.
        """
        return None

    @classmethod
    def published_names(cls) -> frozenset[str]:
        """Names of networks in a checkpoint of the authors' own that tell it from other methods'; none: no support."""
        return frozenset()

    @classmethod
    def published_files(cls) -> frozenset[str]:
        """Files that together make a folder of the authors' own release, for methods released as several files."""
        return frozenset()

    @classmethod
    def published_config(cls, networks: Collection[str]) -> dict[str, Any]:
        """Section -> key -> value that the names of all networks in such a checkpoint decide, unlike the defaults."""
        return {}

    @classmethod
    def load_published(cls, path: Path, config: dict[str, Any]) -> Generator:
        """The generator that the method's authors released, built from `config`.

        Args:
            path: a checkpoint, or the folder of `published_files`.
        """
        raise NotImplementedError


@contextmanager
def frozen(network: nn.Module) -> Iterator[nn.Module]:
    """`network` as a fixed function: gradients pass through it and none are kept for it."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    network.requires_grad_(False)
    try:
        yield network
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
