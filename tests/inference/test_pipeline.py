"""The pipeline: capture.load(...)(identity, driver)."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import capture
from capture.common.errors import CaptureError
from capture.inference.framing import AS_IS
from capture.inference.pipeline import Pipeline, motion_name
from capture.io.images import open_rgb
from tests.conftest import ROOT, draw_figure


@pytest.fixture(scope="module")
def tiny(untrained) -> Pipeline:
    return capture.load(untrained, device="cpu")


@pytest.fixture
def pictures(tmp_path):
    draw_figure(tmp_path / "a.png", 1, 2, 64)
    draw_figure(tmp_path / "b.png", 2, 5, 64)
    return tmp_path / "a.png", tmp_path / "b.png"


class TestPictures:
    def test_the_picture_is_what_save_result_writes(self, untrained, tiny, pictures, tmp_path, run_main):
        identity, pose = pictures
        given = ["--iden_path", identity, "--pose_path", pose, "--save_dir", tmp_path / "out", "--device", "cpu"]
        assert run_main("save_result.py", untrained, *given)[0] == 0
        made = tiny(identity, pose)
        assert made.mode == "RGB" and np.array_equal(made, open_rgb(tmp_path / "out" / "output.png"))

    def test_paths_pictures_arrays_and_tensors_give_the_same(self, tiny, pictures):
        identity, pose = (open_rgb(path) for path in pictures)
        expected = np.asarray(tiny(*pictures))
        arrays = [np.asarray(picture) for picture in (identity, pose)]
        tensors = [torch.from_numpy(array.copy()).permute(2, 0, 1) for array in arrays]
        for one, other in ((identity, pose), arrays, tensors, (str(pictures[0]), tensors[1])):
            assert np.array_equal(tiny(one, other), expected)

    def test_keep_aspect_crops_to_the_pose_picture(self, tiny, pictures):
        wide = Image.new("RGB", (64, 32), (200, 30, 60))
        assert tiny(pictures[0], wide, framing=AS_IS).size == (32, 32)
        assert tiny(pictures[0], wide, framing=AS_IS, keep_aspect=True).size[1] < 32

    def test_noise_is_the_same_for_the_same_seed(self, tiny, pictures):
        made = [np.asarray(tiny(*pictures, noise_scale=3.0, seed=seed)) for seed in (1, 1, 2)]
        assert np.array_equal(made[0], made[1]) and not np.array_equal(made[0], made[2])

    def test_errors_say_what_to_do(self, tiny, pictures):
        with pytest.raises(CaptureError, match="gone.png: no such file"):
            tiny("gone.png", pictures[1])
        with pytest.raises(CaptureError, match="give auto or as_is"):
            tiny(*pictures, framing="none")
        with pytest.raises(CaptureError, match="identity: an empty list"):
            tiny([], pictures[1])
        with pytest.raises(CaptureError, match="batch_size 0: give a whole number from 1 up"):
            tiny(*pictures, batch_size=0)
        for fps in (0, -5, float("nan")):
            with pytest.raises(CaptureError, match=f"fps {fps:g}: give 0.1 to 120"):
                tiny(pictures[0], "walk", fps=fps)
        with pytest.raises(CaptureError, match="frames 2.0: give a whole number"):
            tiny(pictures[0], "walk", frames=2.0)
        with pytest.raises(CaptureError, match="direction: an empty list"):
            tiny(pictures[0], "walk", direction=[])
        with pytest.raises(CaptureError, match="--which 2: pictures are used as they are"):
            tiny(*pictures, framing=AS_IS, which=2)
        with pytest.raises(CaptureError, match="pose: a picture of 0x5 pixels"):
            tiny(pictures[0], Image.new("RGB", (0, 5)))
        with pytest.raises(CaptureError, match="--noise_scale nan"):
            tiny(*pictures, noise_scale=float("nan"))
        with pytest.raises(CaptureError, match="--seed 18446744073709551616"):
            tiny(*pictures, noise_scale=1.0, seed=2**64)
        with pytest.raises(CaptureError, match="no relative mode; leave --relative out"):
            tiny(*pictures, relative=True, background="transparent")


class TestFrames:
    def test_an_animation_gives_frames_with_its_times(self, tiny, pictures, tmp_path):
        frames = [open_rgb(path) for path in pictures]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[200, 400])
        made = tiny(pictures[0], tmp_path / "a.gif")
        assert len(made) == 2 and [float(time) for time in made.times] == pytest.approx([0, 0.2, 0.6])
        assert all(frame.size == (32, 32) and frame.mode == "RGB" for frame in made)

    @pytest.mark.parametrize("kind", ["list", "array", "tensor", "folder"])
    def test_pictures_in_order_give_frames(self, tiny, pictures, tmp_path, kind):
        opened = [open_rgb(path) for path in pictures]
        array = np.stack([np.asarray(picture) for picture in opened])
        folder = tmp_path / "frames"
        folder.mkdir()
        for i, picture in enumerate(opened):
            picture.save(folder / f"{i}.png")
        drivers = {
            "list": opened,
            "array": array,
            "tensor": torch.from_numpy(array).permute(0, 3, 1, 2),
            "folder": folder,
        }
        made = tiny(pictures[0], drivers[kind], fps=25)
        assert len(made) == 2 and made.fps == pytest.approx(25)
        assert np.array_equal(made[1], tiny(*pictures))

    def test_a_motion_is_drawn_from_each_direction(self, tiny, pictures):
        made = tiny(pictures[0], "walk", frames=2, direction=("front", "left"))
        assert len(made) == 4 and made.fps == pytest.approx(12)
        assert [tag.name for tag in made.tags] == ["walk_front", "walk_left"]

    def test_fps_is_that_of_a_folder_of_frames(self, tiny, pictures):
        for given in (pictures[0].parent, list(pictures)):
            assert tiny(pictures[0], given, fps=10).fps == pytest.approx(10)

    def test_names_of_motions(self, pictures):
        assert motion_name("walk") == motion_name("motion:walk") == "walk"
        assert motion_name(str(pictures[0])) is None and motion_name(pictures[0]) is None
        assert motion_name("gone.png") is None


class TestPresentation:
    def test_a_transparent_background_gives_rgba(self, tiny, pictures):
        assert tiny(*pictures, background="transparent").mode == "RGBA"

    def test_transparent_frames_are_not_saved_without_their_transparency(self, tiny, pictures, tmp_path):
        frames = tiny(pictures[0], "walk", frames=2, background="transparent")
        with pytest.raises(CaptureError, match="walk.mp4: mp4 has no transparency; .* webm"):
            frames.save(tmp_path / "walk.mp4")
        assert not list(tmp_path.glob("walk*")) and frames.save(tmp_path / "walk.webm").is_file()

    def test_what_the_method_cannot_do_is_refused(self, tiny, pictures):
        with pytest.raises(CaptureError, match="--resolution"):
            tiny(*pictures, resolution="native")
        with pytest.raises(CaptureError, match="more than one picture"):
            tiny([pictures[0], pictures[0]], pictures[1])


class TestMethodsWithMaps:
    def test_methods_with_maps_are_refused_with_a_hint(self, tmp_path, pictures):
        from capture.methods.build import build_generator
        from tests.conftest import tiny_config, write_result

        config = tiny_config("--method", "lwgan")
        folder = write_result(tmp_path / "maps", build_generator(config), config)
        with pytest.raises(CaptureError, match="driven by IUV maps; use save_result.py"):
            capture.load(folder)(*pictures)


class TestImport:
    def test_importing_the_package_imports_nothing_that_computes(self):
        code = "import capture, sys; print(capture.__version__, sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [capture.__version__, "[]"]

    def test_names_of_the_package(self):
        assert capture.Pipeline is Pipeline and capture.CaptureError is CaptureError
        assert capture.Frames.__name__ == "Frames"
        with pytest.raises(AttributeError, match="no attribute 'paint'"):
            capture.paint  # noqa: B018


class TestMotions:
    def test_a_motion_by_its_name_gives_frames(self, tiny, pictures):
        made = tiny(pictures[0], "walk", frames=2, direction="left")
        assert len(made) == 2 and all(frame.size == (32, 32) for frame in made)
        again = tiny(pictures[0], "motion:walk", frames=2, direction="left")
        assert all(np.array_equal(one, other) for one, other in zip(made, again))

    def test_an_unknown_motion_is_refused(self, tiny, pictures):
        with pytest.raises(CaptureError, match="no_such_motion"):
            tiny(pictures[0], "no_such_motion")
