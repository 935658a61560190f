"""CaPTURe as published: An and Choi, "CaPTURe: Cartoon Pose Transfer Using Reverse Attention", Neurocomputing 2023.

In the order of the paper's figure: encoders.py (identity encoder, pose encoder), reverse_attention.py, decoder.py,
generator.py (all three), discriminator.py, losses.py, method.py (what one update does).
"""
