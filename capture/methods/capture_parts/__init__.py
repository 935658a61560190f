"""CaPTURe-Parts, this project's own model: a generator that finds body parts and moves them.

In the order of data flow: segmenter.py (picture -> parts), part_motion.py (parts of both pictures -> affine maps),
layout.py (moved parts -> which part each output pixel shows, and where it is in both pictures), part_model.py (these
three), decoder.py (skips of both encoders -> features of the output), refiner.py (warped identity and features ->
picture), generator.py (all of it), losses.py and attention_loss.py, stages.py (what learns when), method.py.
"""
