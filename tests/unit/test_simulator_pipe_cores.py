"""Which cores a user may look into."""

from dataclasses import replace

import pytest

from npusim.errors import UsageError
from npusim.simulator.pipe_cores import choose_cores
from tests.program_builder import round_chip

TOPOLOGY = round_chip(clusters=2).topology


@pytest.mark.parametrize(
    ("wanted", "cores"),
    [
        (None, ("AIC[0]", "AIV[0]", "AIV[1]")),
        ("all", ("AIC[0]", "AIC[1]", "AIV[0]", "AIV[1]", "AIV[2]", "AIV[3]")),
        ("AIV[3], AIC[1],AIV[3]", ("AIC[1]", "AIV[3]")),
    ],
)
def test_cores_come_once_and_in_lane_order(wanted, cores):
    assert choose_cores(wanted, TOPOLOGY) == cores


@pytest.mark.parametrize("wanted", ["AIC[2]", "AIC[0],aiv[1]", "AIC[0].MTE2", "AIC[0];AIV[0]"])
def test_a_core_that_the_chip_lacks_is_refused(wanted):
    with pytest.raises(
        UsageError,
        match=r"^pipe cores: '.*' is not a core of the chip; expected AIC\[0\] to AIC\[1\] or "
        r"AIV\[0\] to AIV\[3\], with commas between them, or all$",
    ):
        choose_cores(wanted, TOPOLOGY)


def test_no_core_at_all_is_refused():
    with pytest.raises(UsageError, match=r"^pipe cores: ' , ' names no core; expected AIC"):
        choose_cores(" , ", TOPOLOGY)


def test_one_cluster_has_the_cores_that_the_chip_says():
    single = replace(TOPOLOGY, aiv_per_cluster=1)
    assert choose_cores(None, single) == ("AIC[0]", "AIV[0]")
