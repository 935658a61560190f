"""The plan of a written toon dataset."""

from __future__ import annotations

import pytest

from capture.common.errors import CaptureError
from capture.data.toon.plan import MOST_CLIPS, check_request, plan_clips, plan_pairs

REQUEST = {"characters": 2, "clips": 3, "frames": 2, "test_characters": 2, "test_clips": 1, "seed": 0, "size": 32}


class TestPairs:
    def test_a_name_of_clip_and_azimuth_stands_for_one_view_only(self):
        """With more clips than motions, a picture of an identity may be seen from where another clip is."""
        plans, test_plans = plan_clips(100, 3, seed=1)
        pairs = plan_pairs(list(range(100)), plans, test_plans, 1, seed=1)
        shown = {}
        for clip, character, frame in (place for pair in pairs for place in pair):
            assert shown.setdefault((clip.name, character, frame), clip) == clip
        assert len(pairs) == 400


class TestRequest:
    def test_more_clips_than_there_are_sides_to_see_motions_from_are_refused(self):
        check_request({**REQUEST, "clips": MOST_CLIPS}, "all")
        with pytest.raises(CaptureError, match=f"clips is {MOST_CLIPS + 1}; use at most {MOST_CLIPS}"):
            check_request({**REQUEST, "clips": MOST_CLIPS + 1}, "all")
