// Connects bokeh's figures with the bars: embeds them, redraws what is visible, names the rows.
// Rows count downwards and bokeh's axis upwards, so row r is drawn at y = -r.

const NAME_ROW_PX = 8; // below this not every lane is named

// Drawing everything takes several frames' time; moving what is drawn takes none. So a strip on each
// side of the view is drawn as well, and while the view moves within it, or zooms by less than
// ZOOMED, bokeh shifts and stretches the picture. It is drawn anew where the view rests.
const STRIP = 0.5; // of the width of the view
const ZOOMED = 1.6;
const RESTS_MS = 120;

// drawn: the stretch of time that the pictures cover, and of the view that they were drawn for.
const plots = { doc: null, time: null, isQueued: false, frames: 0, drawn: null, rest: 0 };

const model = (name) => plots.doc.get_model_by_name(name);
const lanesOf = (run) => model(`lanes-${run.index}`);

async function embedPlots() {
  const item = JSON.parse(document.getElementById("figures").textContent);
  await Bokeh.embed.embed_item(item);
  plots.doc = Bokeh.documents[Bokeh.documents.length - 1];
  plots.time = model("time");
  plots.time.on_change([plots.time.properties.start, plots.time.properties.end], timeChanged);
  for (const run of RUNS) {
    const plot = lanesOf(run);
    plot.on_change([plot.properties.inner_width, plot.properties.inner_height], queueRedraw);
  }
}

function timeChanged() {
  clearTimeout(plots.rest);
  if (!isDrawn(plots.time.start, plots.time.end)) return queueRedraw();
  plots.rest = setTimeout(redraw, RESTS_MS);
}

// Whether the picture at hand will do for a moment.
function isDrawn(start, end) {
  if (plots.drawn === null) return false;
  const { from, to, length } = plots.drawn;
  const zoomed = (end - start) / length;
  return from <= start && end <= to && zoomed < ZOOMED && zoomed > 1 / ZOOMED;
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
  clearTimeout(plots.rest);
  const { start, end } = plots.time;
  const [low, high] = plots.time.bounds;
  const strip = STRIP * (end - start);
  plots.drawn = { from: Math.max(low, start - strip), to: Math.min(high, end + strip), length: end - start };
  for (const run of RUNS) drawRun(run);
  plots.frames += 1;
}

function drawRun(run) {
  const plot = lanesOf(run);
  if (!plot.inner_width || !plot.inner_height) return;
  const rows = plot.y_range;
  const density = window.devicePixelRatio || 1;
  const { from, to, length } = plots.drawn;
  const view = {
    x0: from,
    x1: to,
    y0: rows.start,
    y1: rows.end,
    width: Math.max(1, Math.round(((plot.inner_width * (to - from)) / length) * density)),
    height: Math.max(1, Math.round(plot.inner_height * density)),
  };
  const { pixels, counts } = rasterise(run, view);
  const source = model(`raster-${run.index}`);
  const Image = source.data.image[0].constructor;
  source.data = {
    image: [new Image(withLabels(pixels, view, labelsOf(run, plot, view), density), [view.height, view.width])],
    x: [view.x0],
    y: [view.y0],
    dw: [view.x1 - view.x0],
    dh: [view.y1 - view.y0],
  };
  drawCounts(run, view, counts);
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
