// The runs of the page, decoded, with the indexes that drawing and pointing need.

const TYPES = { i1: Int8Array, u1: Uint8Array, i4: Int32Array, f8: Float64Array };
const NO_TASK = -1;

function decode(value) {
  const text = atob(value.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return new TYPES[value.type](bytes.buffer);
}

// Every typed array inside a payload object; other values stay as they are.
function decodeAll(raw) {
  const found = {};
  for (const [name, value] of Object.entries(raw)) {
    found[name] = value !== null && typeof value === "object" && "data" in value ? decode(value) : value;
  }
  return found;
}

// Bars are sorted by lane: bars.first[lane] .. bars.first[lane + 1] are those of a lane.
function loadBars(raw, laneCount) {
  const bars = decodeAll(raw);
  bars.count = bars.lane.length;
  bars.first = offsets(bars.lane, laneCount);
  return bars;
}

// Where each key begins, for keys in any order: counts, summed up.
function offsets(keys, count) {
  const first = new Int32Array(count + 1);
  for (const key of keys) if (key >= 0) first[key + 1] += 1;
  for (let i = 0; i < count; i += 1) first[i + 1] += first[i];
  return first;
}

// Rows grouped by key: group(keys, n).of(key) lists the rows that have it.
function group(keys, count) {
  const first = offsets(keys, count);
  const next = first.slice();
  const rows = new Int32Array(first[count]);
  keys.forEach((key, row) => {
    if (key >= 0) {
      rows[next[key]] = row;
      next[key] += 1;
    }
  });
  return { of: (key) => rows.subarray(first[key], first[key + 1]) };
}

// The first bar of a lane that ends after a moment; bars of a lane do not overlap.
function firstEndingAfter(bars, lane, time) {
  let low = bars.first[lane];
  let high = bars.first[lane + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars.end[middle] > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

// The bar of a lane at a moment, or -1.
function barAt(bars, lane, time) {
  const row = firstEndingAfter(bars, lane, time);
  return row < bars.first[lane + 1] && bars.start[row] <= time ? row : -1;
}

function loadRun(raw, index) {
  const lanes = raw.lanes;
  const count = lanes.name.length;
  const tasks = decodeAll(raw.tasks);
  const slices = loadBars(raw.slices, count);
  const edges = decodeAll(raw.edges);
  return {
    ...raw,
    index,
    tasks,
    slices,
    edges,
    waits: loadBars(raw.waits, count),
    outer: loadBars(raw.phases.outer, count),
    inner: loadBars(raw.phases.inner, count),
    ops: loadBars(raw.ops, count),
    path: decodeAll(raw.path),
    slack: decode(raw.slack),
    laneOrder: lanes.row.map((row, lane) => [row, lane]).filter(([row]) => row !== null).sort((a, b) => a[0] - b[0]),
    slicesOf: group(slices.task, tasks.id.length),
    into: group(edges.succ, tasks.id.length),
    outOf: group(edges.pred, tasks.id.length),
  };
}

const DATA = JSON.parse(document.getElementById("data").textContent);
const RUNS = DATA.runs.map(loadRun);

// Predecessors (or successors) that ran on a core; those that ran on none, dummies, are looked
// through. Returns [task, passed] pairs: passed says that a dummy lies between.
function neighbours(run, task, isBefore) {
  const rows = isBefore ? run.into : run.outOf;
  const ends = isBefore ? run.edges.pred : run.edges.succ;
  const seen = new Set([task]);
  const found = [];
  const open = [[task, false]];
  while (open.length) {
    const [one, passed] = open.pop();
    for (const edge of rows.of(one)) {
      const other = ends[edge];
      if (seen.has(other)) continue;
      seen.add(other);
      if (run.slicesOf.of(other).length) found.push([other, passed]);
      else open.push([other, true]);
    }
  }
  return found.sort((a, b) => a[0] - b[0]);
}

// The slice of a task that ended last, or started first.
function extremeSlice(run, task, isLast) {
  let best = -1;
  for (const row of run.slicesOf.of(task)) {
    const { start, end } = run.slices;
    if (best < 0 || (isLast ? end[row] > end[best] : start[row] < start[best])) best = row;
  }
  return best;
}
