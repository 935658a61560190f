"""The other rows of the paper's table, written anew: FOMM (fomm.py) and MRAA (mraa.py), with their losses.

Their arithmetic and parameter names are the authors', so that released checkpoints load (published.py).
"""

from capture.baselines.avd import AvdNetwork
from capture.baselines.fomm import Fomm
from capture.baselines.init import initialise
from capture.baselines.mraa import Mraa
from capture.baselines.multiscale_discriminator import MultiScaleDiscriminator
from capture.baselines.perceptual import PerceptualLoss
from capture.baselines.tps import Deformation, draw_deformations

__all__ = [
    "AvdNetwork",
    "Deformation",
    "Fomm",
    "Mraa",
    "MultiScaleDiscriminator",
    "PerceptualLoss",
    "draw_deformations",
    "initialise",
]
