"""Branches that only the device can take, and what they do to the buffers of a pipelined loop."""

import linecache
import time

import numpy as np

import npusim.language as pl
from npusim.language.branches import branch_lines


def marked(function):
    """The lines of a function, counted from its def, that stand in such a branch."""
    first = function.__code__.co_firstlineno
    return sorted(line - first for line in branch_lines(function.__code__))


def over_memory(index, x):
    for i in pl.pipeline(8, stage=4):
        raw = pl.read(index, [i])
        row = raw + 1
        if row >= 0:
            x.load(row)
        else:
            x.load(0)
        x.load(1)


def over_the_loop(index, x):
    first = pl.read(index, [0])
    for i in pl.pipeline(8, stage=2):
        if i == 0:
            x.load(first)


def around_the_loop(index, x):
    if pl.read(index, [0]) > 0:
        for i in pl.pipeline(8, stage=2):
            x.load(i)


def in_an_inner_loop(index, x):
    for i in pl.pipeline(8, stage=2):
        if pl.read(index, [i]) > 0:
            for j in pl.range(2):
                x.load(j)
            for j in pl.pipeline(2, stage=2):
                x.load(j)


def without_a_pipeline(index, x):
    for i in pl.range(8):
        if pl.read(index, [i]) > 0:
            x.load(i)


def of_values_that_are_handed_on(index, x):
    for i in pl.pipeline(8, stage=2):
        raw, other = pl.read(index, [i]), i
        raw += 1
        row: int = raw
        if other >= 0:
            x.load(other)
        if i == 0:
            x.load(i)
        elif (s := row) >= 0:
            x.load(s)
        while row > 0:
            x.load(row)
            row = row - 1


def of_containers(index, x):
    found = {}
    for row in pl.pipeline(8, stage=2):
        found[row] = pl.read(index, [row])
        x.last = pl.read(index, [row])
        if row >= 0:
            x.load(row)
        if found[0] >= 0:
            x.load(0)


def of_several_branches(index, x):
    for i in pl.pipeline(8, stage=2):
        if pl.read(index, [i]) > 0:
            if i == 0:
                x.load(i)
            match i:
                case 1:
                    x.load(1)


def test_values_from_memory_are_followed_and_others_are_not():
    assert marked(of_values_that_are_handed_on) == [10, 12, 13]


def test_an_element_of_memory_does_not_mark_its_index():
    assert marked(of_containers) == [8]


def test_branches_inside_such_a_branch_belong_to_it():
    assert marked(of_several_branches) == [4, 7]


def test_a_long_expression_is_no_obstacle():
    lines = [
        "def long(index, x):",
        "    for i in pl.pipeline(8):",
        f"        y = {'+'.join('1' * 900)}",
    ]
    made = {"pl": pl}
    exec(compile("\n".join(lines), "long.py", "exec"), made)
    linecache.cache["long.py"] = (0, None, [f"{line}\n" for line in lines], "long.py")
    assert branch_lines(made["long"].__code__) == frozenset()


def test_many_assignments_take_no_time():
    lines = ["def many(index, x):", "    for i in pl.pipeline(8):"]
    lines += [f"        v{k} = v{k + 1}" for k in range(800)]
    lines += ["        v800 = pl.read(index, [i])", "        if v0:", "            x.load(i)"]
    made = {"pl": pl}
    exec(compile("\n".join(lines), "many.py", "exec"), made)
    linecache.cache["many.py"] = (0, None, [f"{line}\n" for line in lines], "many.py")
    begin = time.process_time()
    assert branch_lines(made["many"].__code__) == {len(lines)}
    assert time.process_time() - begin < 2


def test_both_sides_of_a_branch_on_a_value_in_memory_are_marked():
    assert marked(over_memory) == [5, 7]


def test_a_branch_over_the_loop_variable_is_none():
    assert marked(over_the_loop) == []


def test_a_branch_around_the_loop_is_none():
    assert marked(around_the_loop) == []


def test_a_pipelined_loop_inside_a_branch_begins_anew():
    assert marked(in_an_inner_loop) == [4]


def test_a_plain_loop_has_no_slots_to_lose():
    assert marked(without_a_pipeline) == []


def test_a_function_without_source_has_no_marked_lines():
    made: dict = {}
    exec("def made(): pass", made)
    assert branch_lines(made["made"].__code__) == frozenset()


def copied_rows(*, is_branching):
    @pl.jit
    def kernel(
        index: pl.Tensor[[8], pl.INT32],
        table: pl.Tensor[[8, 128], pl.FP32],
        out: pl.Out[pl.Tensor[[8, 128], pl.FP32]],
    ):
        with pl.at(level=pl.Level.CORE_GROUP, name_hint="copy"):
            for row in pl.pipeline(8, stage=4):
                source = pl.read(index, [row])
                if is_branching and source >= 0:
                    out = pl.assemble(out, pl.slice(table, [1, 128], [source, 0]), [row, 0])
                if not is_branching:
                    out = pl.assemble(out, pl.slice(table, [1, 128], [source, 0]), [row, 0])

    arrays = {
        "index": np.arange(8, dtype=np.int32)[::-1].copy(),
        "table": np.ones((8, 128), np.float32),
        "out": np.zeros((8, 128), np.float32),
    }
    return pl.record(kernel, arrays, outputs={"out"})


def test_tiles_of_such_a_branch_share_one_buffer():
    assert set(copied_rows(is_branching=True).tiles["stages"].tolist()) == {1}
    plain = copied_rows(is_branching=False).tiles
    assert set(plain["stages"].tolist()) == {4}
    assert set(plain["slot"].tolist()) == {0, 1, 2, 3}
