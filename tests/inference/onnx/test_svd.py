"""The closed form of the singular value decomposition against torch's."""

import pytest
import torch

from capture.inference.onnx.svd import DECOMPOSITIONS, svd_of_covariances


def covariances(count: int) -> torch.Tensor:
    """Covariances (count, 2, 2) of many sizes and shapes."""
    rng = torch.Generator().manual_seed(0)
    roots = torch.randn(count, 2, 2, generator=rng)
    return roots @ roots.mT * torch.rand(count, 1, 1, generator=rng) ** 4


class TestClosedForm:
    def test_values_and_axes_are_those_of_torch_with_their_signs(self):
        given = covariances(2000)
        axes, values, transposed = svd_of_covariances(given)
        expected = torch.linalg.svd(given)
        torch.testing.assert_close(values, expected.S, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(axes, expected.U, rtol=0, atol=2e-3)
        torch.testing.assert_close(axes * values[:, None] @ transposed, given, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize(
        "matrix",
        [
            [[2.0, 0.0], [0.0, 1.0]],
            [[1.0, 0.0], [0.0, 2.0]],
            [[1.0, 0.0], [0.0, 1.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 1.0]],
            [[1.0, 1.0], [1.0, 1.0]],
            [[1.0, 1e-9], [1e-9, 2.0]],
            [[2.0, -1e-9], [-1e-9, 1.0]],
        ],
    )
    def test_shapes_that_lie_along_the_picture_are_those_of_torch(self, matrix):
        given = torch.tensor(matrix)
        axes, values, _ = svd_of_covariances(given)
        expected = torch.linalg.svd(given)
        torch.testing.assert_close(values, expected.S, rtol=0, atol=1e-6)
        torch.testing.assert_close(axes, expected.U, rtol=0, atol=1e-6)

    def test_leading_sizes_are_kept(self):
        given = covariances(6).unflatten(0, (2, 3))
        assert [x.shape for x in svd_of_covariances(given)] == [(2, 3, 2, 2), (2, 3, 2), (2, 3, 2, 2)]

    def test_larger_matrices_are_refused_and_not_decomposed_wrongly(self):
        for decomposition in DECOMPOSITIONS.values():
            with pytest.raises(NotImplementedError, match=r"not \(3, 3\)"):
                decomposition(torch.eye(3))

    def test_a_graph_holds_the_closed_form_in_the_place_of_the_operator(self):
        given = covariances(4)
        exported = torch.export.export(_Axes(), (given,)).run_decompositions(DECOMPOSITIONS)
        assert not any("svd" in str(node.target) for node in exported.graph.nodes)
        torch.testing.assert_close(exported.module()(given), torch.linalg.svd(given).U, rtol=0, atol=2e-3)


class _Axes(torch.nn.Module):
    def forward(self, covar: torch.Tensor) -> torch.Tensor:
        return torch.linalg.svd(covar).U
