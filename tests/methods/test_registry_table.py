"""python -m capture.methods: the registered methods as a table."""

from capture.common.registry import METHODS, method_class
from capture.methods import __main__ as table


class TestMethodTable:
    def test_a_line_for_each_method_with_its_columns_aligned(self, capsys, monkeypatch):
        monkeypatch.setattr(table, "METHODS", {name: METHODS[name] for name in ("capture_parts", "fomm")})
        table.main()
        heading, parts, fomm = capsys.readouterr().out.splitlines()
        assert heading.split() == ["method", "title", "inputs", "parameters", "paper"]
        for line, name, parameters in ((parts, "capture_parts", "7.8 M"), (fomm, "fomm", "59.8 M")):
            method = method_class(name)
            cells = [name, method.title, "identity, pose", parameters, method.paper]
            starts = [heading.index(word) for word in heading.split()]
            ends = [*starts[1:], len(line)]
            assert [line[start:end].strip() for start, end in zip(starts, ends)] == cells
