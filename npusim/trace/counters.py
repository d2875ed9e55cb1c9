"""What a performance monitoring unit counts while one kernel runs on one core.

A row belongs to one core slice of a trace: one block of one task on one core.
"""

import numpy as np

COUNTER_DTYPE = np.dtype(
    [
        ("lane", np.int32),  # index into Trace.lanes, a core lane
        ("task", np.int32),  # index into Trace.tasks
        ("block", np.int32),  # block index within the task
        ("slot", np.uint8),  # 0 AIC, 1 AIV0, 2 AIV1
        ("total_cycles", np.int64),  # kernel start to kernel end
        # Cycles for which a pipe is occupied, waiting for bandwidth included.
        ("scalar_cycles", np.int64),
        ("mte1_cycles", np.int64),
        ("mte2_cycles", np.int64),
        ("mte3_cycles", np.int64),
        ("cube_cycles", np.int64),
        ("fix_cycles", np.int64),
        ("vector_cycles", np.int64),
        # The cube and vector cycles again, by the type that the unit computes in.
        ("cube_half_cycles", np.int64),  # FP16, BF16
        ("cube_int8_cycles", np.int64),
        ("vector_fp32_cycles", np.int64),
        ("vector_half_cycles", np.int64),  # two-byte types on both sides
        ("vector_half_wide_cycles", np.int64),  # a two-byte type on one side, a wider one beside
        ("vector_int32_cycles", np.int64),
        ("vector_misc_cycles", np.int64),
        # Between the core and global memory, and what of it HBM serves or gets back from L2.
        ("read_bytes", np.int64),
        ("write_bytes", np.int64),
        ("hbm_read_bytes", np.int64),
        ("hbm_write_bytes", np.int64),
        # At the on-chip buffers, per operand of an operation.
        ("ub_read_bytes", np.int64),
        ("ub_write_bytes", np.int64),
        ("l1_read_bytes", np.int64),
        ("l1_write_bytes", np.int64),
        # Requests of the size that each memory serves at once.
        ("l2_read_requests", np.int64),
        ("l2_write_requests", np.int64),
        ("hbm_read_requests", np.int64),
        ("hbm_write_requests", np.int64),
        ("ub_read_requests", np.int64),
        ("ub_write_requests", np.int64),
        ("l1_read_requests", np.int64),
        ("l1_write_requests", np.int64),
        # Operations with an instruction on this core, by what executes them.
        ("cube_ops", np.int32),
        ("vector_ops", np.int32),
        ("move_ops", np.int32),
        ("scalar_ops", np.int32),
    ]
)
"""Counters of one kernel on one core, in whole cycles of the core clock, bytes and operations."""
