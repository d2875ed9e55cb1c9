"""Columns of ``pmu.csv``: what each counter is called on a device and which of ours fills it.

Source: the event tables of hw-native-sys/simpler at commit 6ebaf7715 (2026-08-22) for DAV_2201
(a2a3) and DAV_3510 (a5); names only. A device offers more groups (5 to 8); those count bank
conflicts and cache ways, which npusim does not model.

How npusim reads the names, where their source does not say:

- ``*_exec`` are cycles in which the unit executes that type, as vendor tools divide them by the
  total cycles. ``vec_fp16_64lane_exec`` is two-byte work that a wider type beside it halves.
- ``*_req`` count one request per unit that the memory serves at once: an L2 line for L2 and main
  memory, an aligned block for UB and L1.
- a5 counts accesses and instructions by unit; they are filled with the same requests.
- Instruction cache counters are 0: code is not modelled.
"""

from npusim.errors import UsageError

COMMON_COLUMNS = ("thread_id", "core_id", "task_id", "func_id", "core_type", "pmu_total_cycles")
EVENT_COLUMN = "event_type"

NO_GROUP = 0
ARITHMETIC, PIPES, MEMORY = 1, 2, 4
DEFAULT_GROUP = PIPES
"""What a device counts where no group is named."""
PMU_GROUPS = (ARITHMETIC, PIPES, MEMORY)

NOT_MODELLED = ""

_COUNTERS: dict[str, dict[int, dict[str, str]]] = {
    "a2a3": {
        ARITHMETIC: {
            "cube_fp16_exec": "cube_half_cycles",
            "cube_int8_exec": "cube_int8_cycles",
            "vec_fp32_exec": "vector_fp32_cycles",
            "vec_fp16_128lane_exec": "vector_half_cycles",
            "vec_fp16_64lane_exec": "vector_half_wide_cycles",
            "vec_int32_exec": "vector_int32_cycles",
            "vec_misc_exec": "vector_misc_cycles",
        },
        PIPES: {
            "vec_busy_cycles": "vector_cycles",
            "cube_busy_cycles": "cube_cycles",
            "scalar_busy_cycles": "scalar_cycles",
            "mte1_busy_cycles": "mte1_cycles",
            "mte2_busy_cycles": "mte2_cycles",
            "mte3_busy_cycles": "mte3_cycles",
            "icache_miss": NOT_MODELLED,
            "icache_req": NOT_MODELLED,
        },
        MEMORY: {
            "ub_read_req": "ub_read_requests",
            "ub_write_req": "ub_write_requests",
            "l1_read_req": "l1_read_requests",
            "l1_write_req": "l1_write_requests",
            "l2_read_req": "l2_read_requests",
            "l2_write_req": "l2_write_requests",
            "main_read_req": "hbm_read_requests",
            "main_write_req": "hbm_write_requests",
        },
    },
    "a5": {
        ARITHMETIC: {
            "cube_fp_instr_busy": "cube_half_cycles",
            "cube_int_instr_busy": "cube_int8_cycles",
        },
        PIPES: {
            "pmu_idc_aic_vec_busy_o": "vector_cycles",
            "cube_instr_busy": "cube_cycles",
            "scalar_instr_busy": "scalar_cycles",
            "mte1_instr_busy": "mte1_cycles",
            "mte2_instr_busy": "mte2_cycles",
            "mte3_instr_busy": "mte3_cycles",
            "icache_req": NOT_MODELLED,
            "icache_miss": NOT_MODELLED,
            "pmu_fix_instr_busy": "fix_cycles",
        },
        MEMORY: {
            "bif_sc_pmu_read_main_instr_core": "l2_read_requests",
            "bif_sc_pmu_write_main_instr_core": "l2_write_requests",
            "pmu_aiv_ext_rd_ub_instr": NOT_MODELLED,
            "ub_pmu_vec_rd_ub_acc": "ub_read_requests",
            "pmu_aiv_ext_wr_ub_instr": NOT_MODELLED,
            "ub_pmu_vec_wr_ub_acc": "ub_write_requests",
            "pmu_rd_l1_instr": "l1_read_requests",
            "pmu_wr_l1_instr": "l1_write_requests",
        },
    },
}


def check_group(group: int) -> None:
    """Make sure that ``group`` is one that npusim counts, or 0 for none.

    Raises:
        UsageError: If it is not.
    """
    if group != NO_GROUP and group not in PMU_GROUPS:
        msg = (
            f"pmu: group {group}; expected 0 (none), 1 (arithmetic utilisation), "
            "2 (pipe utilisation) or 4 (memory); the others are not modelled"
        )
        raise UsageError(msg)


def group_counters(chip: str, group: int) -> dict[str, str]:
    """Column names of a group in file order, each with the field of ``COUNTER_DTYPE`` or ``""``.

    Raises:
        UsageError: If the group or the chip has no layout.
    """
    check_group(group)
    if chip not in _COUNTERS or group == NO_GROUP:
        msg = (
            f"pmu: no columns for group {group} on chip {chip!r}; expected group 1, 2 or 4 on "
            f"one of {', '.join(_COUNTERS)}"
        )
        raise UsageError(msg)
    return _COUNTERS[chip][group]
