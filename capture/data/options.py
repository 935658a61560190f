"""The keys of the data layer: which data samples are drawn from, and how."""

from __future__ import annotations

from typing import Literal

from capture.common.options import Section, key


class DatasetConfig(Section):
    """Section dataset_config."""

    dataset_path: str = key(
        "./Fashion_Dataset",
        'a folder ("fashion" in its name: one character in each video; otherwise a Mixamo tree), a folder or http '
        'address of shards (prepare.py pack), or toon (the built-in renderer); several, separated by " + ", take turns',
        resume="noted",
        added=False,
    )
    toon_views: Literal["all", "front"] = key(
        "all", "toon: cameras all around (all) or about the front (front; standard deviation 28 degrees)"
    )
    toon_test_clips: int = key(
        0, "toon: the last so many motions are held out, as with --test_clips of prepare.py", ge=0, le=28
    )
    toon_mixed_motions: float = key(
        0.0,
        "toon: share of motions mixed from several clips, with every joint perturbed",
        ge=0,
        le=1,
        resume="noted",
    )
    toon_reach: float = key(
        0.0,
        "toon: share of the mixed motions whose head and arms are anywhere that they can reach",
        ge=0,
        le=1,
        resume="noted",
    )
    toon_bodies: float = key(
        0.0,
        "toon: share of the samples in styles whose bodies are unusual: large or small heads, or animals on four legs",
        ge=0,
        le=1,
        resume="noted",
    )
    toon_face_parts: bool = key(
        False,
        "toon: eyes and mouth are parts of their own in the UV maps, for capture_parts_config.num_parts: 27",
    )
    share_renders: bool = key(
        False,
        "toon: the 24 samples of a render group share ten pictures, of two characters in five scenes: a tenth of the "
        "rendering for each sample, but fewer characters",
    )
    samples_per_render_group: int = key(
        24, "toon, with share_renders: take only so many of the 24 samples", ge=1, le=24, resume="noted"
    )
    toon_styles: Literal["off", "few", "many"] = key(
        "off",
        "toon: draw characters in random styles, such as cel, sketch, watercolour and pixel art; identity, real and "
        "target share a style, the pose has another",
        resume="noted",
    )
    style_filters: Literal["off", "few", "many"] = key(
        "off", "folders: the same styles, as filters of the pictures; best with UV maps", resume="noted"
    )
    style_share: float = key(
        0.7,
        "with toon_styles or style_filters: share of samples in styles; the others are plain",
        ge=0,
        le=1,
        resume="noted",
    )
    identity_pictures: int = key(
        1,
        "pictures of the identity that an update has at most: one to so many at random, for all its samples alike",
        ge=1,
        le=4,
        resume="noted",
    )
    toon_on_device: bool = key(
        False,
        "toon, for a GPU: render on the device that trains, in a thread, and not in num_workers processes",
        resume="noted",
    )
    num_workers: int = key(
        4,
        "processes that render toon or decode frames; 0: the training process does it",
        ge=0,
        le=1024,
        resume="free",
        added=False,
    )
    cache_gb: float = key(
        4.0,
        "gigabytes of decoded frames that are kept beside the dataset",
        ge=0,
        resume="free",
    )
    batch_size: int = key(4, "samples in an update, over all processes together", ge=1, le=65_536, added=False)
    image_size: int = key(
        256, "side of the square images; the network says of what it must be a multiple", ge=1, le=4096
    )
    samples_per_epoch: int = key(4000, "samples in an epoch, whatever the dataset's size", ge=1)
