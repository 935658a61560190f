"""The networks of CaPTURe."""

from capture.models.discriminator import Discriminator, score_pairs
from capture.models.generator import Generator
from capture.models.init import init_weights
from capture.models.reverse_attention import ReverseAttention

__all__ = ["Discriminator", "Generator", "ReverseAttention", "init_weights", "score_pairs"]
