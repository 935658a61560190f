"""Values that nobody meant: of the wrong type, endless, nested without end, or names that lead out of a folder."""

from __future__ import annotations

import json

import yaml
from hypothesis import strategies as st

from tests.reliability.hostile.case import HERE

NAMES = (
    "../escaped",
    "../../escaped",
    f"{HERE}/elsewhere/escaped",
    "a/../../escaped",
    "..",
    ".",
    "",
    "~/escaped",
    "$(touch PWNED)",
    "`touch PWNED`",
    "; touch PWNED",
    "-rf",
    "--debug",
    "con\0nul",
    "two\nlines",
    "\x1b[2Jclear",
    "\u202eright to left",
    "\ud800",
    "x" * 300,
    "x/" * 3000,
    "toon",
    "/dev/zero",
    "/proc/self/mem",
    "http://127.0.0.1:9/x",
    "file:///etc/passwd",
)
ENDLESS = "@ENDLESS@"  # becomes a whole number of more digits than Python reads or prints
names = st.sampled_from(NAMES)
numbers = st.sampled_from(
    (0, -1, 1, 2, 3, 7, 33, 64, 10**3, 10**6, 10**9, 2**31, 2**63, 2**64, -(2**63), 10**30)
    + (0.0, -0.5, 0.5, 1e-320, 1e308, float("inf"), float("-inf"), float("nan"))
)
scalars = st.none() | st.booleans() | numbers | numbers | st.just(ENDLESS) | names | st.text(max_size=20)
wild = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | names, inner, max_size=3),
    max_leaves=6,
)


def _laughs(levels: int, lists: bool) -> str:
    """Each level holds the one before it several times over."""
    lines = ["a0: &a0 " + ("[lol]" if lists else "{lol: 1}")]
    for i in range(1, levels):
        many = ", ".join([f"*a{i - 1}"] * 9)
        lines.append(f"a{i}: &a{i} " + (f"[{many}]" if lists else f"{{<<: [{many}]}}"))
    return "\n".join(lines) + "\n"


def yaml_bombs(key: str) -> tuple[str, ...]:
    """Documents that grow, recurse, run code, or aren't what they seem; `key` is a section that a reader knows."""
    laughs = _laughs(9, lists=True)
    return (
        laughs,
        _laughs(7, lists=False),
        "x: &x [1]\n"
        + "".join(f"x{i}: &x{i} [*x{i - 1}, *x{i - 1}]\n" if i else "x0: &x0 [*x, *x]\n" for i in range(40)),
        f"{laughs}{key}: *a8\n",
        f"{key}: &a {{{key}: *a}}\n",
        f"{key}: &a [*a]\n",
        f"{key}: " + "[" * 5000,
        f"{key}: " + "{a: " * 3000 + "1" + "}" * 3000,
        f"{key}: " + "- " * 3000,
        "? " * 3000 + key,
        f"{key}: !!python/object/apply:os.system ['touch PWNED']\n",
        f"{key}: !!python/object/new:subprocess.Popen [['touch', 'PWNED']]\n",
        f"{key}: !!python/name:os.system\n",
        "!!python/object/apply:builtins.eval [\"open('PWNED', 'w')\"]\n",
        f"{key}: !!binary |\n  {'A' * 4000}\n",
        f"{key}: {'9' * 5000}\n",
        f"{key}: {'59:' * 3000}59\n",
        f"{key}: 0x{'f' * 6000}\n",
        f"{key}: 2001-99-99\n",
        f"{key}: !!set {{? a, ? b}}\n",
        f"{key}: !!omap [a: 1]\n",
        f"{key}: !!timestamp x\n",
        f"{key}: !!float x\n",
        f"{key}: !!int x\n",
        f"? [{key}]\n: 1\n",
        f"{key}: {{? {{a: 1}} : 2}}\n",
        "%YAML 9.9\n---\na: 1\n",
        f"--- 1\n--- {{{key}: 1}}\n",
        f"{key}: 1\n{key}: 2\n",
        "1: 2\nnull: 3\ntrue: 4\n1.5: 6\n2001-01-01: 7\n",
        f"{'9' * 5000}: 1\n",
        f"{'x' * 100_000}: 1\n",
        f"{key}_:\n  " + "y" * 100_000 + ": 1\n",
        "- a\n- b\n",
        "\t- x",
        "&" * 2000,
        "*unknown",
        "'" + "x" * 3000,
        "key: value\n" * 3000,
        "".join(f"k{i}: {{a: [1, 2, 3]}}\n" for i in range(40_000)),
    )


def json_bombs(key: str) -> tuple[str, ...]:
    """The same for JSON."""
    return (
        "[" * 100_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        f'{{"{key}": {"[" * 900}{"]" * 900}}}',
        f'{{"{key}": {"9" * 5000}}}',
        f'{{"{key}": {"9" * 4000}}}',
        f'{{"{key}": 1e999}}',
        f'{{"{key}": NaN, "{key}": -Infinity}}',
        f'{{"{key}": "\\ud800"}}',
        f'{{"\\ud800": "{key}"}}',
        f'{{"__class__": "os.system", "{key}": {{"__reduce__": ["os.system", "touch PWNED"]}}}}',
        "[]",
        "null",
        "3",
        '"text"',
        "true",
        "",
        "{",
        f'{{"{key}": 1}} trailing',
        f'{{"{key}": "' + "x" * 300_000 + '"}',
        "{" + ",".join(f'"k{i}": {i}' for i in range(30_000)) + "}",
    )


@st.composite
def changed(draw: st.DrawFn, mapping: dict, keys: tuple[str, ...]) -> dict:
    """A copy of a nested mapping in which one to three values, named by dotted keys, are wild (or gone)."""
    copied = json.loads(json.dumps(mapping))
    for _ in range(draw(st.integers(1, 3))):
        *sections, key = draw(st.sampled_from(keys)).split(".")
        place = copied
        for section in sections:
            inner = place.get(section)
            if not isinstance(inner, dict):
                inner = place[section] = {}
            place = inner
        if draw(st.integers(0, 9)):
            place[key] = draw(wild if draw(st.booleans()) else scalars)
        else:
            place.pop(key, None)
    return copied


def as_yaml(value: object) -> bytes:
    """YAML text, whatever is in the value."""
    text = yaml.dump(value, sort_keys=False, allow_unicode=False, width=10**6)
    return text.replace(f"'{ENDLESS}'", "0x" + "f" * 4400).encode("utf-8", "surrogatepass")


def as_json(value: object) -> bytes:
    """JSON text."""
    return json.dumps(value).replace(f'"{ENDLESS}"', "9" * 4400).encode()
