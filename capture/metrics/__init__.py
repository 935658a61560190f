"""Pure numbers: how far pictures are from their targets, and sets of pictures from one another."""

LPIPS_NETS = ("alex", "vgg", "squeeze")  # here, so that a command line can offer them without importing torch
