// What there is to say about a bar, as label and text pairs; hover and inspector show the same.

const us = (value, digits = 3) =>
  Number.isFinite(value) ? `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} us` : "not recorded";

const MOST_SHOWN = 4;

function scopeName(run, task) {
  return DATA.scopes[run.tasks.scope[task]].name;
}

function taskName(run, task) {
  return `${scopeName(run, task)} #${run.tasks.id[task]}`;
}

function argumentLines(run, task) {
  const rows = run.arguments.by_task[task] ?? [];
  return rows.map((row) => run.arguments.lines[row]);
}

function shortened(lines) {
  const left = lines.length - MOST_SHOWN;
  return left > 0 ? [...lines.slice(0, MOST_SHOWN), `and ${left} more`] : lines;
}

// The waits of a lane that lie between the bar before and this one, in order.
function waitsBefore(run, lane, start) {
  const { waits } = run;
  const found = [];
  let row = firstEndingAfter(waits, lane, start) - 1;
  // Times went through a division: neighbours meet within a femtosecond.
  for (let edge = start; row >= waits.first[lane] && Math.abs(waits.end[row] - edge) < 1e-6; row -= 1) {
    found.unshift(row);
    edge = waits.start[row];
  }
  return found;
}

function waitLine(run, row) {
  const { waits } = run;
  const blamed = waits.blamed[row];
  const cause = DATA.reasons[waits.reason[row]].name + (blamed >= 0 ? ` on ${taskName(run, blamed)}` : "");
  return `${us(waits.end[row] - waits.start[row])} ${cause}`;
}

function predecessorLines(run, task) {
  const found = neighbours(run, task, true);
  let last = -1;
  for (const [other] of found) {
    const end = run.slices.end[extremeSlice(run, other, true)];
    if (last < 0 || end > run.slices.end[extremeSlice(run, last, true)]) last = other;
  }
  found.sort((a, b) => (b[0] === last) - (a[0] === last));
  return found.map(
    ([other, passed]) => taskName(run, other) + (passed ? " (through a dummy)" : "") + (other === last ? ", ended last" : ""),
  );
}

function describeSlice(run, row) {
  const { slices } = run;
  const task = slices.task[row];
  const waits = waitsBefore(run, slices.lane[row], slices.start[row]);
  const inputs = argumentLines(run, task);
  const rows = [
    ["task", `#${run.tasks.id[task]}, block ${slices.block[row]} of ${run.tasks.blocks[task]}, ${run.tasks.core[task]}`],
    ["lane", run.lanes.name[slices.lane[row]]],
    ["start", us(slices.start[row])],
    ["duration", us(slices.end[row] - slices.start[row])],
  ];
  if (slices.stall[row] > 0) rows.push(["of it, shared bandwidth", us(slices.stall[row])]);
  if (Number.isFinite(slices.dispatch[row])) {
    rows.push(["dispatch to start", us(slices.start[row] - slices.dispatch[row])]);
  }
  rows.push(["waited for", waits.length ? waits.map((one) => waitLine(run, one)) : "nothing"]);
  const before = predecessorLines(run, task);
  rows.push(["predecessors", before.length ? shortened(before) : "none"]);
  if (inputs.length) rows.push(["tensors", shortened(inputs)]);
  return { title: scopeName(run, task), colour: theme.scopes[run.tasks.scope[task]], rows };
}

function describeWait(run, row) {
  const { waits } = run;
  const reason = DATA.reasons[waits.reason[row]];
  const rows = [
    ["lane", run.lanes.name[waits.lane[row]]],
    ["start", us(waits.start[row])],
    ["length", us(waits.end[row] - waits.start[row])],
    ["cause", `${reason.meaning} (${run.cause_from})`],
  ];
  if (waits.task[row] >= 0) rows.push(["then ran", taskName(run, waits.task[row])]);
  if (waits.blamed[row] >= 0) rows.push(["held up by", taskName(run, waits.blamed[row])]);
  return { title: `idle: ${reason.name}`, colour: theme.reasons[waits.reason[row]], rows };
}

function describePhase(run, bars, row) {
  const phase = DATA.phases[bars.kind[row]];
  const rows = [
    ["thread", run.lanes.name[bars.lane[row]]],
    ["start", us(bars.start[row])],
    ["duration", us(bars.end[row] - bars.start[row])],
  ];
  if (bars.task[row] >= 0) rows.push(["task", taskName(run, bars.task[row])]);
  else rows.push(["handled", String(bars.count[row])]);
  return { title: phase.name, colour: theme.phases[bars.kind[row]], rows };
}

function describeOp(run, row) {
  const { ops } = run;
  const rows = [
    ["pipe", run.lanes.name[ops.lane[row]]],
    ["task", `${taskName(run, ops.task[row])}, block ${ops.block[row]}`],
    ["line", run.ops.sites[ops.site[row]]],
    ["start", us(ops.start[row], 4)],
    ["duration", us(ops.end[row] - ops.start[row], 4)],
  ];
  if (ops.nbytes[row] > 0) rows.push(["moves", `${ops.nbytes[row].toLocaleString("en")} bytes`]);
  const waits = waitsBefore(run, ops.lane[row], ops.start[row]);
  rows.push(["waited for", waits.length ? waits.map((one) => waitLine(run, one)) : "nothing"]);
  return { title: run.ops.names[ops.op[row]], colour: theme.scopes[run.tasks.scope[ops.task[row]]], rows };
}

// The bar at a place of a run's swimlane: {kind, row, task}, or null.
function hitTest(run, time, y) {
  const found = run.laneOrder.find(([row]) => Math.abs(-y - row) <= 0.5);
  if (found === undefined) return null;
  const lane = found[1];
  const order = { pipe: ["ops", "waits"], scheduler: ["inner", "outer"], orchestrator: ["inner", "outer"] };
  for (const kind of order[run.lanes.kind[lane]] ?? ["slices", "waits"]) {
    const row = barAt(run[kind], lane, time);
    if (row >= 0) return { kind, row, task: run[kind].task[row] };
  }
  return null;
}

function describe(run, hit) {
  if (hit.kind === "slices") return describeSlice(run, hit.row);
  if (hit.kind === "waits") return describeWait(run, hit.row);
  if (hit.kind === "ops") return describeOp(run, hit.row);
  return describePhase(run, run[hit.kind], hit.row);
}
