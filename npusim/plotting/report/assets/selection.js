// The task or bubble that the reader picked: outlines, dependency arrows, the critical path.

const MOST_ARROWS = 300;
const selection = { run: null, task: NO_TASK, row: -1, wait: -1, arrows: 0, hasPath: false };

const rowOf = (run, lane) => -run.lanes.row[lane];

function selectTask(run, task, row = -1) {
  const own = row >= 0 ? row : extremeSlice(run, task, false);
  Object.assign(selection, { run, task, row: own, wait: -1 });
  drawSelection();
  inspect();
}

function selectWait(run, wait) {
  Object.assign(selection, { run, task: run.waits.task[wait], row: -1, wait });
  drawSelection();
  inspect();
}

function clearSelection() {
  Object.assign(selection, { run: null, task: NO_TASK, row: -1, wait: -1 });
  drawSelection();
  inspect();
}

function drawSelection() {
  for (const run of RUNS) {
    const isMine = selection.run === run;
    const boxes = { left: [], right: [], top: [], bottom: [], colour: [], width: [] };
    const arrows = { x0: [], y0: [], x1: [], y1: [], cx0: [], cx1: [], colour: [] };
    const heads = { x: [], y: [], colour: [] };
    if (isMine && selection.wait >= 0) addBox(run, boxes, run.waits, selection.wait, theme.mark, 2);
    if (isMine && selection.task >= 0) {
      for (const row of run.slicesOf.of(selection.task)) addBox(run, boxes, run.slices, row, theme.mark, 2);
      addArrows(run, boxes, arrows, heads);
    }
    model(`boxes-${run.index}`).data = boxes;
    model(`arrows-${run.index}`).data = arrows;
    model(`heads-${run.index}`).data = heads;
    if (isMine || selection.run === null) selection.arrows = arrows.x0.length;
  }
}

function addBox(run, boxes, bars, row, colour, width) {
  const middle = rowOf(run, bars.lane[row]);
  boxes.left.push(bars.start[row]);
  boxes.right.push(bars.end[row]);
  boxes.top.push(middle + SLICE_HEIGHT / 2);
  boxes.bottom.push(middle - SLICE_HEIGHT / 2);
  boxes.colour.push(colour);
  boxes.width.push(width);
}

// Into the picked block from the last block of each predecessor, and from the last block of the
// task to the first of each successor.
function addArrows(run, boxes, arrows, heads) {
  const { slices } = run;
  const own = selection.row >= 0 ? selection.row : extremeSlice(run, selection.task, false);
  if (own < 0) return;
  const before = neighbours(run, selection.task, true).map(([task]) => extremeSlice(run, task, true));
  const after = neighbours(run, selection.task, false).map(([task]) => extremeSlice(run, task, false));
  const last = before.reduce((best, row) => (best < 0 || slices.end[row] > slices.end[best] ? row : best), -1);
  const end = extremeSlice(run, selection.task, true);
  const add = (from, to, colour) => {
    if (arrows.x0.length >= MOST_ARROWS) return;
    const [x0, x1] = [slices.end[from], slices.start[to]];
    const [y0, y1] = [rowOf(run, slices.lane[from]), rowOf(run, slices.lane[to])];
    const bend = Math.max(Math.abs(x1 - x0) / 2, run.end_us * 0.002);
    arrows.x0.push(x0);
    arrows.y0.push(y0);
    arrows.x1.push(x1);
    arrows.y1.push(y1);
    arrows.cx0.push(x0 + bend);
    arrows.cx1.push(x1 - bend);
    arrows.colour.push(colour);
    heads.x.push(x1);
    heads.y.push(y1);
    heads.colour.push(colour);
  };
  for (const row of before) {
    add(row, own, row === last ? theme.last : theme.before);
    addBox(run, boxes, slices, row, row === last ? theme.last : theme.before, 1.5);
  }
  for (const row of after) {
    add(end, row, theme.after);
    addBox(run, boxes, slices, row, theme.after, 1.5);
  }
}

// One line along the lanes of the critical path; a new colour for each kind of segment.
function drawPath() {
  for (const run of RUNS) {
    const lines = { xs: [], ys: [], colour: [], width: [] };
    if (selection.hasPath) {
      const { start, end, lane, kind } = run.path;
      for (let i = 0; i < start.length; i += 1) {
        const y = lane[i] >= 0 ? rowOf(run, lane[i]) : null;
        const before = i ? rowOf(run, lane[i - 1]) : y;
        const isWork = run.path.kinds[kind[i]] === "compute";
        lines.xs.push([start[i], start[i], end[i]]);
        lines.ys.push([before, y, y]);
        lines.colour.push(isWork ? theme.mark : theme.last);
        lines.width.push(isWork ? 3 : 1.6);
      }
    }
    model(`path-${run.index}`).data = lines;
  }
}
