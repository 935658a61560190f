"""The keys of the data layer: which data samples are drawn from, and how."""

from __future__ import annotations

from typing import Literal

from capture.common.options import Section, key


class DatasetConfig(Section):
    """Section dataset_config."""

    dataset_path: str = key(
        "./Fashion_Dataset",
        'a folder ("fashion" in its name: one character in each video; otherwise a Mixamo tree) or toon (the built-in '
        'renderer); several, separated by " + ", take turns',
        resume="free",
        added=False,
    )
    toon_views: Literal["all", "front"] = key(
        "all", "toon: cameras all around (all), or 28 degrees to either side of the front (front)"
    )
    toon_test_clips: int = key(
        0, "toon: the last so many motions are held out, as with --test_clips of prepare.py", ge=0, le=28
    )
    toon_mixed_motions: float = key(
        0.0,
        "toon: share of motions mixed from several clips (the arms of one, the legs of another, every joint perturbed)",
        ge=0,
        le=1,
        resume="noted",
    )
    share_renders: bool = key(
        False,
        "toon: two characters act the same five scenes, and the samples of this render group share the ten pictures: "
        "a tenth of the rendering for each sample, but fewer characters",
    )
    samples_per_render_group: int = key(
        24, "toon, with share_renders: samples of one render group; 24 are all of them", ge=1, le=24, resume="noted"
    )
    num_workers: int = key(
        4,
        "processes that render toon or decode frames that are not cached; 0: the training process does this itself",
        ge=0,
        le=1024,
        resume="free",
        added=False,
    )
    cache_gb: float = key(
        4.0,
        "frames are decoded to image_size once and kept beside the dataset, up to so many gigabytes",
        ge=0,
        resume="free",
    )
    batch_size: int = key(4, "samples in an update, over all processes together", ge=1, le=65_536, added=False)
    image_size: int = key(
        256, "side of the square images; the network says of what it must be a multiple", ge=1, le=4096
    )
    samples_per_epoch: int = key(4000, "samples in an epoch, whatever the dataset's size", ge=1)
