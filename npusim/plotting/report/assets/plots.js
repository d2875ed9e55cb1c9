// Connects bokeh's figures with the bars: embeds them, redraws what is visible, names the rows.
// Rows count downwards and bokeh's axis upwards, so row r is drawn at y = -r.

const NARROWEST_LABEL_PX = 13;
const LABEL_CHARACTER_PX = 6;
const MOST_LABELS = 800;
const LABEL_ROW_PX = 7; // rows below this carry no text
const NAME_ROW_PX = 8; // below this not every lane is named

const plots = { doc: null, time: null, isQueued: false, frames: 0 };

const model = (name) => plots.doc.get_model_by_name(name);
const lanesOf = (run) => model(`lanes-${run.index}`);

async function embedPlots() {
  const item = JSON.parse(document.getElementById("figures").textContent);
  await Bokeh.embed.embed_item(item);
  plots.doc = Bokeh.documents[Bokeh.documents.length - 1];
  plots.time = model("time");
  plots.time.on_change([plots.time.properties.start, plots.time.properties.end], queueRedraw);
  for (const run of RUNS) {
    const plot = lanesOf(run);
    plot.on_change([plot.properties.inner_width, plot.properties.inner_height], queueRedraw);
  }
}

// Start and end of the range change one after the other: draw once, before the next frame.
function queueRedraw() {
  if (plots.isQueued) return;
  plots.isQueued = true;
  queueMicrotask(() => {
    plots.isQueued = false;
    redraw();
  });
}

function redraw() {
  for (const run of RUNS) drawRun(run);
  plots.frames += 1;
}

function drawRun(run) {
  const plot = lanesOf(run);
  if (!plot.inner_width || !plot.inner_height) return;
  const rows = plot.y_range;
  const density = window.devicePixelRatio || 1;
  const view = {
    x0: plots.time.start,
    x1: plots.time.end,
    y0: rows.start,
    y1: rows.end,
    width: Math.max(1, Math.round(plot.inner_width * density)),
    height: Math.max(1, Math.round(plot.inner_height * density)),
  };
  const { pixels, counts } = rasterise(run, view);
  const source = model(`raster-${run.index}`);
  const Image = source.data.image[0].constructor;
  source.data = {
    image: [new Image(pixels, [view.height, view.width])],
    x: [view.x0],
    y: [view.y0],
    dw: [view.x1 - view.x0],
    dh: [view.y1 - view.y0],
  };
  drawCounts(run, view, counts);
  drawLabels(run, plot, view);
  nameRows(run, plot);
}

function drawCounts(run, view, counts) {
  const step = (view.x1 - view.x0) / view.width;
  const x = Array.from({ length: view.width }, (_, i) => view.x0 + (i + 0.5) * step);
  let most = 1;
  for (const core of ["aic", "aiv"]) {
    most = Math.max(most, run.lanes.kind.filter((kind) => kind === core).length);
    model(`busy-${core}-${run.index}`).data = { x, y: Array.from(counts[core]) };
  }
  model(`cores-${run.index}`).setv({ start: 0, end: most * 1.04 });
}

// The number of the scope on bars that are wide enough, its name on wider ones.
function drawLabels(run, plot, view) {
  const labels = [];
  const perUs = plot.inner_width / (view.x1 - view.x0);
  const rowPx = plot.inner_height / (view.y1 - view.y0);
  if (rowPx >= LABEL_ROW_PX) {
    for (const [row, lane] of run.laneOrder) {
      const isPipe = run.lanes.kind[lane] === "pipe";
      const bars = isPipe ? run.ops : run.slices;
      const hits = isPipe ? filter.hits[run.index].ops : filter.hits[run.index].slices;
      const stop = bars.first[lane + 1];
      for (let i = firstEndingAfter(bars, lane, view.x0); i < stop && bars.start[i] < view.x1; i += 1) {
        const left = Math.max(bars.start[i], view.x0);
        const right = Math.min(bars.end[i], view.x1);
        const width = (right - left) * perUs;
        if (width < NARROWEST_LABEL_PX || (hits !== null && !hits[i])) continue;
        const scope = DATA.scopes[run.tasks.scope[bars.task[i]]];
        const name = isPipe ? run.ops.names[run.ops.op[i]] : `${scope.number} ${scope.name}`;
        const short = isPipe ? "" : String(scope.number);
        labels.push({
          x: (left + right) / 2,
          y: -row,
          width,
          text: name.length * LABEL_CHARACTER_PX < width ? name : short,
          colour: readable(theme.scopes[scope.number - 1]),
        });
      }
    }
  }
  // Of too many, those on the widest bars: no lane is left out because it comes last.
  if (labels.length > MOST_LABELS) {
    labels.sort((a, b) => b.width - a.width || a.x - b.x || a.y - b.y);
    labels.length = MOST_LABELS;
  }
  const column = (name) => labels.map((label) => label[name]);
  model(`labels-${run.index}`).data = { x: column("x"), y: column("y"), text: column("text"), colour: column("colour") };
}

function readable([r, g, b]) {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 140 ? "#15181D" : "#FFFFFF";
}

// Lane names; where rows are thin, the first of each group and every few after it.
function nameRows(run, plot) {
  const rowPx = plot.inner_height / (plot.y_range.end - plot.y_range.start);
  const every = Math.max(1, Math.ceil(NAME_ROW_PX / rowPx / 2) * (rowPx >= NAME_ROW_PX ? 1 : 2));
  const axis = plot.left[0];
  const ticks = [];
  const names = new Map();
  for (const one of run.groups) {
    const lanes = run.laneOrder.filter(([row]) => row > one.top && row < one.bottom);
    lanes.forEach(([row, lane], i) => {
      if (i % every) return;
      ticks.push(-row);
      names.set(-row, run.lanes.name[lane]);
    });
  }
  const key = `${every}`;
  if (axis.tags[0] === key) return;
  axis.tags = [key];
  axis.major_label_overrides = names;
  axis.ticker.ticks = ticks;
  axis.major_label_text_font_size = `${Math.min(10, Math.max(7, rowPx * every * 0.85))}px`;
}

function colourPlots() {
  for (const run of RUNS) {
    for (const name of ["lanes", "counts"]) {
      const plot = model(`${name}-${run.index}`);
      for (const axis of [...plot.below, ...plot.left]) {
        axis.major_label_text_color = theme.ink;
        axis.axis_label_text_color = theme.ink;
        axis.major_tick_line_color = axis === plot.left[0] ? null : theme.faint;
        axis.minor_tick_line_color = null;
      }
      for (const grid of plot.center) grid.grid_line_color = theme.grid;
      if (plot.title) plot.title.text_color = theme.ink;
    }
    for (const core of ["aic", "aiv"]) {
      model(`area-${core}-${run.index}`).glyph.fill_color = theme[core];
      model(`line-${core}-${run.index}`).glyph.line_color = theme[core];
    }
  }
}

// Shows a stretch of time, with some room around it, within what the range allows.
function showTime(start, end, margin = 0.15) {
  const room = Math.max((end - start) * margin, 0.01);
  const [low, high] = plots.time.bounds;
  plots.time.setv({ start: Math.max(low, start - room), end: Math.min(high, end + room) });
}

function zoomBy(factor) {
  const middle = (plots.time.start + plots.time.end) / 2;
  const half = Math.max(((plots.time.end - plots.time.start) / 2) * factor, plots.time.min_interval / 2);
  showTime(middle - half, middle + half, 0);
}

function panBy(share) {
  const length = plots.time.end - plots.time.start;
  const [low, high] = plots.time.bounds;
  const start = Math.min(Math.max(plots.time.start + share * length, low), high - length);
  plots.time.setv({ start, end: start + length });
}
