"""Liquid Warping GAN (Liu et al., ICCV 2019): appearance warped in feature space by dense correspondence."""
