"""Break central lines one by one, and see that a test notices each.

    python -m tests.reliability.mutations

Every mutation is made in a copy of the code, in which its test is run by a process forked from this one, so that
libraries are imported once.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CENTRAL = "tests/methods/test_central_lines.py"


class Mutation(NamedTuple):
    """In `file`, the only `before` becomes `after`; `test` must fail then."""

    what: str
    file: str
    before: str
    after: str
    test: str


MUTATIONS = (
    Mutation(
        "the sign in the reverse attention",
        "capture/methods/capture/reverse_attention.py",
        "reverse = total - seen",
        "reverse = total + seen",
        f"{CENTRAL}::test_reverse_attention_by_loops",
    ),
    Mutation(
        "whose positions gather",
        "capture/methods/capture/reverse_attention.py",
        "(seen,) = self.gather(query, key, h)",
        "(seen,) = self.gather(self.query_conv(identity), self.key_conv(pose), h)",
        f"{CENTRAL}::test_reverse_attention_by_loops",
    ),
    Mutation(
        "the detach in the discriminator's update",
        "capture/methods/capture/method.py",
        "(picture.detach(), y)",
        "(picture, y)",
        f"{CENTRAL}::test_the_discriminators_update_leaves_the_generator_alone",
    ),
    Mutation(
        "the average's decay",
        "capture/training/averages.py",
        "1.0 - decay",
        "decay",
        f"{CENTRAL}::test_the_moving_average_by_hand",
    ),
    Mutation(
        "the resampling",
        "capture/io/images.py",
        "Image.Resampling.BILINEAR",
        "Image.Resampling.NEAREST",
        f"{CENTRAL}::test_frames_are_padded_with_white_and_resized_bilinearly",
    ),
    Mutation(
        "the pair's target",
        "capture/data/sampling.py",
        "known.same_frame(pose, a)",
        "known.same_frame(pose, b)",
        f"{CENTRAL}::test_the_target_is_the_first_character_in_the_seconds_pose",
    ),
    Mutation(
        "the reconstruction's roles",
        "capture/methods/capture/method.py",
        "(y, x, random[:, 1])",
        "(x, y, random[:, 1])",
        f"{CENTRAL}::test_who_is_drawn_in_whose_pose",
    ),
    Mutation(
        "what the reconstruction is compared with",
        "capture/methods/capture/losses.py",
        'masked_l1(reconstruction, batch["identity"])',
        'masked_l1(reconstruction, batch["real"])',
        f"{CENTRAL}::test_losses_compare_with_the_right_picture",
    ),
    Mutation(
        "the code",
        "capture/methods/capture/encoders.py",
        "(eps + mu) * sigma",
        "mu + eps * sigma",
        f"{CENTRAL}::test_the_code_is_noise_and_mean_times_sigma",
    ),
    Mutation(
        "real and fake",
        "capture/methods/capture/losses.py",
        "gan_loss(fake.float(), kind, False)",
        "gan_loss(fake.float(), kind, True)",
        f"{CENTRAL}::test_the_discriminator_learns_real_from_fake",
    ),
    Mutation(
        "AdaIN's direction",
        "capture/nn/blocks.py",
        "(y_var + eps) / (x_var + eps)",
        "(x_var + eps) / (y_var + eps)",
        f"{CENTRAL}::test_adain_by_hand",
    ),
    Mutation(
        "the residual sum",
        "capture/nn/blocks.py",
        "(main + skip) / math.sqrt(2)",
        "(main + skip)",
        f"{CENTRAL}::test_a_residual_blocks_sum_is_divided_by_the_root_of_two",
    ),
    Mutation(
        "what a checkpoint may execute",
        "capture/checkpoints/checkpoint.py",
        "weights_only=True",
        "weights_only=False",
        "tests/checkpoints/test_checkpoint.py::test_a_pickle_that_runs_code_is_refused_and_does_not_run",
    ),
    Mutation(
        "the sums of a checkpoint",
        "capture/checkpoints/validate.py",
        "if bad is not None:",
        "if False:",
        "tests/checkpoints/test_find.py::test_no_flipped_bit_goes_unnoticed",
    ),
    Mutation(
        "the step that a bad number stops",
        "capture/training/nonfinite.py",
        "if not values.isfinite().all():",
        "if False:",
        "tests/training/test_nonfinite.py::test_training_stops_at_that_step",
    ),
)


def copy_code(to: Path) -> None:
    """What tests need, and nothing large."""
    for name in ("capture", "datasets", "tests", "configs", "tools"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__", "golden", "fixtures"))
    for path in (*ROOT.glob("*.py"), *ROOT.glob("*.yaml"), ROOT / "pyproject.toml"):
        shutil.copy(path, to)


def run_test(code: Path, test: str) -> int:
    """pytest's exit status for one test of the code in a folder: 0 passed, 1 failed."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.chdir(code)
        sys.dont_write_bytecode = True  # a change of the same length within a second would not be seen
        sys.path[:] = [str(code), *(path for path in sys.path if path not in ("", str(ROOT)))]
        for name in [name for name in sys.modules if name.split(".")[0] in ("capture", "datasets", "tests")]:
            del sys.modules[name]
        import pytest

        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--rootdir", str(code), test])))
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def survivors() -> list[str]:
    """Mutations that no test noticed, or that could not be tried."""
    import lpips  # noqa: F401
    import safetensors.torch  # noqa: F401
    import torch
    import torch.utils.tensorboard  # noqa: F401

    torch.set_num_threads(1)
    found = []
    with tempfile.TemporaryDirectory(prefix="capture-mutations-") as temporary:
        code = Path(temporary)
        copy_code(code)
        for test in sorted({mutation.test for mutation in MUTATIONS}):
            if run_test(code, test) != 0:
                found.append(f"{test} fails without any mutation")
        for mutation in MUTATIONS:
            path = code / mutation.file
            text = path.read_text()
            if text.count(mutation.before) != 1:
                found.append(f"{mutation.file} has '{mutation.before}' {text.count(mutation.before)} times")
                continue
            path.write_text(text.replace(mutation.before, mutation.after))
            status = run_test(code, mutation.test)
            path.write_text(text)
            print(f"{'noticed' if status == 1 else 'MISSED'}: {mutation.what}")
            if status != 1:
                found.append(f"{mutation.what}: {mutation.test} ended with {status}")
    return found


if __name__ == "__main__":
    missed = survivors()
    print("\n".join(missed) or f"all {len(MUTATIONS)} noticed")
    sys.exit(bool(missed))
