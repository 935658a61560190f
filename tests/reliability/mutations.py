"""Break central lines one by one, and see that a test notices each.

    python -m tests.reliability.mutations [--mutated-only]

With --mutated-only the tests are not run without a mutation first; the suite runs them anyway.

A mutation replaces one expression of one function. The function is named by its module and its qualified name and the
expression is compared as a syntax tree, so that neither other lines nor the formatting matter; an expression that is
not in the function exactly once is an error. The changed module is compiled in a process forked from this one, which
has imported everything, and the function gets its code from there; then its test is run. No file is changed.
"""

from __future__ import annotations

import ast
import gc
import importlib
import inspect
import operator
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Mutation(NamedTuple):
    """In `function` of `module`, the only expression `before` becomes `after`; `test` must fail then."""

    what: str
    module: str
    function: str
    before: str
    after: str
    test: str


MUTATIONS = (
    Mutation(
        "sign of the reverse attention",
        "capture.methods.capture.reverse_attention",
        "ReverseAttention.join",
        "total - b_h",
        "total + b_h",
        "tests/methods/capture/test_reverse_attention.py::TestReverseAttention"
        "::test_agrees_with_the_written_out_formula",
    ),
    Mutation(
        "whose positions the reverse attention gathers from",
        "capture.methods.capture.reverse_attention",
        "ReverseAttention.forward",
        "attend(self.query_conv(pose), self.key_conv(identity), h, self.t)",
        "attend(self.query_conv(identity), self.key_conv(pose), h, self.t)",
        "tests/methods/capture/test_reverse_attention.py::TestReverseAttention"
        "::test_agrees_with_the_written_out_formula",
    ),
    Mutation(
        "fakes detached in the discriminator's update",
        "capture.methods.capture.method",
        "Method.discriminator_loss",
        "(fake.detach(), y)",
        "(fake, y)",
        "tests/methods/capture/test_method.py::TestUpdate::test_the_discriminators_update_leaves_the_generator_alone",
    ),
    Mutation(
        "roles of fusion and reconstruction",
        "capture.methods.capture.method",
        "Method.fakes",
        "torch.cat([x, y])",
        "torch.cat([y, x])",
        "tests/methods/capture/test_method.py::TestUpdate::test_fusion_and_reconstruction_get_the_right_inputs",
    ),
    Mutation(
        "what the reconstruction is compared with",
        "capture.methods.capture.method",
        "Method.loss",
        "reconstruction_loss(reconstruction, x)",
        "reconstruction_loss(reconstruction, y)",
        "tests/methods/capture/test_method.py::TestUpdate::test_the_reconstruction_is_compared_with_the_identity",
    ),
    Mutation(
        "code of the identity",
        "capture.methods.capture.encoders",
        "IdentityEncoder.forward",
        "(eps + mu) * sigma",
        "mu + eps * sigma",
        "tests/methods/capture/test_encoders.py::TestIdentityEncoder::test_the_code_is_noise_and_mean_times_sigma",
    ),
    Mutation(
        "label of the fakes in the discriminator's loss",
        "capture.methods.capture.losses",
        "discriminator_loss",
        "gan_loss(fake.float(), kind, real=False)",
        "gan_loss(fake.float(), kind, real=True)",
        "tests/methods/capture/test_losses.py::TestDiscriminatorLoss::test_real_is_told_from_fake_by_hand",
    ),
    Mutation(
        "direction of AdaIN",
        "capture.nn.blocks",
        "adain",
        "(y_var + eps) / (x_var + eps)",
        "(x_var + eps) / (y_var + eps)",
        "tests/nn/test_blocks.py::TestAdain::test_one_channel_by_hand",
    ),
    Mutation(
        "scale of the residual sum",
        "capture.nn.blocks",
        "ResBlock.forward",
        "(main + skip) / math.sqrt(2)",
        "main + skip",
        "tests/nn/test_blocks.py::TestResBlock::test_the_sum_is_divided_by_the_root_of_two",
    ),
    Mutation(
        "decay of the moving average",
        "capture.training.averages",
        "EMA.update",
        "1.0 - decay",
        "decay",
        "tests/training/test_averages.py::TestEMA::test_one_weight_by_hand",
    ),
    Mutation(
        "decay of the learning rates",
        "capture.training.schedule",
        "rate_factor",
        "(total_steps - step) / decay_steps",
        "step / decay_steps",
        "tests/training/test_schedule.py::TestRateFactor::test_the_last_epochs_fall_linearly_to_nothing",
    ),
    Mutation(
        "update that a bad number stops",
        "capture.training.nonfinite",
        "Guard.check",
        "values.isfinite().all()",
        "True",
        "tests/training/test_nonfinite.py::TestGuard::test_training_stops_at_that_step",
    ),
    Mutation(
        "noise of a resumed run",
        "capture.training.resume",
        "restore",
        'rng.set_state(state["noise_rng"])',
        "None",
        "tests/methods/test_contract.py::TestMethodContract::test_two_steps_and_two_steps_are_four_steps[capture]",
    ),
    Mutation(
        "resampling of frames",
        "capture.io.images",
        "to_square",
        "Image.Resampling.BILINEAR",
        "Image.Resampling.NEAREST",
        "tests/io/test_images.py::TestToSquare::test_frames_are_padded_with_white_and_resized_bilinearly",
    ),
    Mutation(
        "true target of a sample",
        "capture.data.sampling",
        "draw",
        "known.same_frame(pose, a)",
        "known.same_frame(pose, b)",
        "tests/data/test_sampling.py::TestDraw::test_the_target_is_the_first_character_in_the_seconds_pose",
    ),
    Mutation(
        "what a checkpoint may execute",
        "capture.checkpoints.checkpoint",
        "load_checkpoint",
        "torch.load(path, map_location=device, weights_only=True)",
        "torch.load(path, map_location=device, weights_only=False)",
        "tests/checkpoints/test_checkpoint.py::TestLoadCheckpoint"
        "::test_a_pickle_that_runs_code_is_refused_and_does_not_run",
    ),
    Mutation(
        "checksums of a checkpoint",
        "capture.checkpoints.validate",
        "check_archive",
        "bad is not None",
        "False",
        "tests/checkpoints/test_find.py::TestDamagedCheckpoint::test_no_flipped_bit_goes_unnoticed",
    ),
    Mutation(
        "parameters that an old optimiser's moments belong to",
        "capture.checkpoints.release_names",
        "reorder_optimiser",
        "number[old_names[i]]",
        "i",
        "tests/checkpoints/test_release_names.py::TestReorderOptimiser::test_moments_follow_their_parameters",
    ),
)


class NotApplied(Exception):
    """A mutation's function is gone, or the expression is not in it exactly once."""


def mutate(source: str, function: str, before: str, after: str) -> str:
    """The source text with one expression of one function replaced.

    Args:
        function: qualified name, such as EMA.update.  before, after: expressions.
    Raises:
        NotApplied: see NotApplied.
    """
    node: ast.AST = ast.parse(source)
    for name in function.split("."):
        inner = [
            n for n in ast.iter_child_nodes(node) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == name
        ]
        if len(inner) != 1:
            raise NotApplied(f"there is no {function}")
        node = inner[0]
    wanted = ast.dump(ast.parse(before, mode="eval").body)
    found = [n for n in ast.walk(node) if isinstance(n, ast.expr) and ast.dump(n) == wanted]
    if len(found) != 1:
        raise NotApplied(f"{function} has '{before}' {len(found)} times")
    ast.parse(after, mode="eval")
    lines = source.encode().splitlines(keepends=True)  # a syntax tree counts columns in bytes
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    start = starts[found[0].lineno - 1] + found[0].col_offset
    end = starts[found[0].end_lineno - 1] + found[0].end_col_offset
    data = source.encode()
    return (data[:start] + f"({after})".encode() + data[end:]).decode()


def replace_code(mutation: Mutation) -> None:
    """Make a mutation in the imported module: its function gets the code of the changed source.

    Raises:
        NotApplied: the source has no such function or expression.
    """
    module = importlib.import_module(mutation.module)
    path = Path(str(module.__file__))
    changed = compile(mutate(path.read_text(), *mutation[2:5]), str(path), "exec")
    function = inspect.unwrap(operator.attrgetter(mutation.function)(module))
    function.__code__ = code_of(changed, mutation.function)


def code_of(code: CodeType, function: str) -> CodeType:
    """The code of a function, given by its qualified name, inside that of its module."""
    for name in function.split("."):
        (code,) = (inner for inner in code.co_consts if isinstance(inner, CodeType) and inner.co_name == name)
    return code


def run_test(test: str, mutation: Mutation | None = None) -> int:
    """pytest's exit status in a process of its own: 0 passed, 1 failed."""
    with tempfile.TemporaryDirectory() as folder:  # in its default folder pytest deletes those of earlier runs
        options = ["-x", "-q", "-p", "no:cacheprovider", "--basetemp", f"{folder}/tests", "--rootdir", str(ROOT)]
        return _run_apart([*options, test], mutation)


def _run_apart(arguments: list[str], mutation: Mutation | None) -> int:
    """pytest with these arguments, after a mutation."""
    sys.stdout.flush()
    gc.freeze()  # a collection in the new process would touch, and so copy, every page
    process = os.fork()
    if process == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # other packages' plugins take two seconds to import
        if mutation is not None:
            replace_code(mutation)
        os._exit(int(pytest.main(arguments)))
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def survivors(mutations: Iterable[Mutation] = MUTATIONS, unchanged: bool = True) -> list[str]:
    """Mutations that no test noticed.

    Args:
        unchanged: see first that every test passes without a mutation.
    Raises:
        NotApplied: a mutation does not apply to the code.
    """
    import lpips  # noqa: F401
    import safetensors.torch  # noqa: F401
    import torch
    import torch.utils.tensorboard  # noqa: F401

    torch.set_num_threads(1)
    mutations = tuple(mutations)
    for mutation in mutations:
        importlib.import_module(mutation.module)
        mutate(Path(str(sys.modules[mutation.module].__file__)).read_text(), *mutation[2:5])
    importlib.import_module("capture.training.trainer")
    found = []
    for test in sorted({mutation.test for mutation in mutations}) if unchanged else ():
        if run_test(test) != 0:
            found.append(f"{test} fails without any mutation")
    for mutation in mutations:
        status = run_test(mutation.test, mutation)
        print(f"{'noticed' if status == 1 else 'MISSED'}: {mutation.what}")
        if status != 1:
            found.append(f"{mutation.what}: {mutation.test} ended with {status}")
    return found


if __name__ == "__main__":
    missed = survivors(unchanged="--mutated-only" not in sys.argv)
    print("\n".join(missed) or f"all {len(MUTATIONS)} noticed")
    sys.exit(bool(missed))
