"""Reading ahead, side by side and writing behind: in order, with errors in their places, and no thread left over."""

from __future__ import annotations

import threading
import time

import pytest

from capture.common.stages import read_ahead, side_by_side, write_behind


@pytest.fixture(autouse=True)
def no_thread_is_left_over():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


class TestReadingAhead:
    def test_items_come_in_order_and_are_made_before_they_are_taken(self):
        made = []

        def items():
            for i in range(6):
                made.append(i)
                yield i

        with read_ahead(items(), depth=3) as taken:
            assert next(taken) == 0
            end = time.monotonic() + 5
            while len(made) < 5 and time.monotonic() < end:  # one taken, three waiting, one that waits for room
                time.sleep(0.001)
            assert made == [0, 1, 2, 3, 4]
            assert list(taken) == [1, 2, 3, 4, 5]

    def test_an_error_is_raised_in_the_place_of_its_item(self):
        def items():
            yield 1
            raise ValueError("broken frame")

        with read_ahead(items()) as taken:
            assert next(taken) == 1
            with pytest.raises(ValueError, match="broken frame"):
                next(taken)

    def test_whoever_stops_early_is_not_waited_for(self):
        with read_ahead(iter(int, 1), depth=2) as taken:  # without end
            assert next(taken) == 0


class TestWritingBehind:
    def test_all_items_are_used_in_order_by_another_thread(self):
        used = []
        with write_behind(lambda item: used.append((item, threading.current_thread())), depth=2) as write:
            for i in range(20):
                write(i)
        assert [item for item, _ in used] == list(range(20))
        assert {thread for _, thread in used} != {threading.current_thread()}

    def test_an_error_reaches_the_giver_and_nothing_is_used_after_it(self):
        used = []

        def use(item):
            used.append(item)
            if item == 2:
                raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"), write_behind(use, depth=1) as write:
            for i in range(1000):
                write(i)
        assert used == [0, 1, 2]

    def test_an_error_after_the_last_item_is_not_lost(self):
        def use(item):
            time.sleep(0.01)
            raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"), write_behind(use) as write:
            write(1)

    def test_what_waits_is_left_when_the_block_fails(self):
        used, go = [], threading.Event()

        def use(item):
            go.wait(5)
            used.append(item)

        timer = threading.Timer(0.05, go.set)
        with pytest.raises(KeyError), write_behind(use) as write:
            for i in range(5):
                write(i)
            timer.start()
            raise KeyError
        timer.join()
        assert used in ([], [0])


class TestSideBySide:
    @pytest.mark.parametrize("threads", [1, 3])
    def test_results_are_in_order_and_items_are_read_as_they_are_needed(self, threads):
        read = []

        def items():
            for i in range(9):
                read.append(i)
                yield i

        def make(i):
            time.sleep(0.01 if i % 3 == 0 else 0)  # later ones end first
            return i * i

        results = side_by_side(make, items(), threads)
        assert next(results) == 0
        assert len(read) == (1 if threads == 1 else threads + 1)
        assert list(results) == [i * i for i in range(1, 9)]

    def test_items_are_worked_on_at_the_same_time(self):
        met = threading.Barrier(2, timeout=5)
        assert len(list(side_by_side(lambda _: met.wait(), range(4), 2))) == 4

    def test_an_error_is_raised_in_the_place_of_its_result(self):
        results = side_by_side(lambda i: 1 // (2 - i), range(9), 2)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(results)

    def test_whoever_leaves_early_leaves_no_thread(self):
        results = side_by_side(lambda i: i, iter(range(100)), 2)
        assert next(results) == 0
        results.close()
