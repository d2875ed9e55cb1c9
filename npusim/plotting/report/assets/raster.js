// Turns the bars that are visible into pixels, exactly as wide as they are: a bar below a pixel
// counts by the share of the pixel that it covers. The cost grows with pixels, not with bars drawn
// as shapes, so that 20,000 slices move as smoothly as 200.

const SLICE_HEIGHT = 0.86; // of a row, as in the static pictures
const OP_HEIGHT = 0.62;
const WAIT_HEIGHT = 0.56;
const NESTED_HEIGHT = 0.4;
const GAP_PX = 0.8; // between neighbouring bars ...
const GAP_FROM_PX = 4; // ... that are at least this wide
const FADED = 0.16; // what is left of the colour of a bar that does not match

const theme = { name: "light", scopes: [], faded: [], reasons: [], phases: [], ink: "", faint: "" };

function rgb(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function setThemeColours(name) {
  const style = getComputedStyle(document.documentElement);
  const ground = rgb(style.getPropertyValue("--ground").trim());
  const pick = (one) => rgb(one.colour[name]);
  const fade = (colour) => colour.map((part, i) => FADED * part + (1 - FADED) * ground[i]);
  theme.name = name;
  theme.scopes = DATA.scopes.map(pick);
  theme.faded = theme.scopes.map(fade);
  theme.reasons = DATA.reasons.map(pick);
  theme.phases = DATA.phases.map(pick);
  theme.ink = style.getPropertyValue("--ink").trim();
  theme.faint = style.getPropertyValue("--faint").trim();
  theme.grid = style.getPropertyValue("--grid").trim();
  for (const key of ["before", "after", "last", "mark", "aic", "aiv"]) {
    theme[key] = style.getPropertyValue(`--${key}`).trim();
  }
}

// What is drawn on a lane, from below: bars, height and the colour of a bar (null: not drawn).
function layersOf(run, lane) {
  const kind = run.lanes.kind[lane];
  const isFiltered = isFiltering();
  const hits = filter.hits[run.index];
  const scopeOf = run.tasks.scope;
  const colouring = (bars, hit) => (row) =>
    hit === null || hit[row] ? theme.scopes[scopeOf[bars.task[row]]] : theme.faded[scopeOf[bars.task[row]]];
  if (kind === "scheduler" || kind === "orchestrator") {
    const phase = (bars) => (row) => theme.phases[bars.kind[row]];
    return [
      { bars: run.outer, height: SLICE_HEIGHT, colour: phase(run.outer), hit: null, gap: 0 },
      { bars: run.inner, height: NESTED_HEIGHT, colour: phase(run.inner), hit: null, gap: 0 },
    ];
  }
  const { waits } = run;
  const waitColour = (row) => {
    const reason = waits.reason[row];
    if (DATA.reasons[reason].is_blank || filter.hiddenReasons.has(reason)) return null;
    if (isFiltered && filter.scopes.size && waits.task[row] >= 0 && !filter.scopes.has(scopeOf[waits.task[row]])) {
      return null;
    }
    return theme.reasons[reason];
  };
  const layers = [{ bars: waits, height: WAIT_HEIGHT, colour: waitColour, hit: null, gap: 0 }];
  if (kind === "pipe") {
    const colour = colouring(run.ops, hits.ops);
    layers.push({ bars: run.ops, height: OP_HEIGHT, colour, hit: hits.ops, gap: GAP_PX });
  } else {
    const colour = colouring(run.slices, hits.slices);
    layers.push({ bars: run.slices, height: SLICE_HEIGHT, colour, hit: hits.slices, gap: GAP_PX });
  }
  return layers;
}

// Adds up colour and coverage of each pixel of one lane; line holds r, g, b, share per pixel.
// Returns false if nothing is visible. counts, if given, gets the share of what matches.
function cover(line, layer, lane, view, counts) {
  const { bars, colour, hit, gap } = layer;
  const { start, end } = bars;
  const stop = bars.first[lane + 1];
  let isAny = false;
  for (let row = firstEndingAfter(bars, lane, view.x0); row < stop && start[row] < view.x1; row += 1) {
    const shade = colour(row);
    if (shade === null) continue;
    let left = (start[row] - view.x0) * view.scale;
    let right = (end[row] - view.x0) * view.scale;
    if (gap && right - left >= GAP_FROM_PX) right -= gap;
    left = Math.max(left, 0);
    right = Math.min(right, view.width);
    const isCounted = counts !== null && (hit === null || hit[row] === 1);
    isAny = true;
    for (let pixel = Math.floor(left); pixel < right; pixel += 1) {
      const share = Math.min(right, pixel + 1) - Math.max(left, pixel);
      const at = 4 * pixel;
      line[at] += share * shade[0];
      line[at + 1] += share * shade[1];
      line[at + 2] += share * shade[2];
      line[at + 3] += share;
      if (isCounted) counts[pixel] += share;
    }
  }
  return isAny;
}

// Lays one lane over what is on its rows already. Pixel rows count from the bottom.
function blend(pixels, line, bottom, top, width) {
  for (let x = 0; x < width; x += 1) {
    const share = Math.min(line[4 * x + 3], 1);
    if (share <= 0) continue;
    const sum = line[4 * x + 3];
    let r = line[4 * x] / sum;
    let g = line[4 * x + 1] / sum;
    let b = line[4 * x + 2] / sum;
    let alpha = share;
    if (share < 0.999) {
      const under = pixels[bottom * width + x];
      const rest = ((under >>> 24) / 255) * (1 - share);
      alpha = share + rest;
      r = (r * share + (under & 255) * rest) / alpha;
      g = (g * share + ((under >> 8) & 255) * rest) / alpha;
      b = (b * share + ((under >> 16) & 255) * rest) / alpha;
    }
    const colour = (Math.round(alpha * 255) << 24) | (b << 16) | (g << 8) | r;
    for (let y = bottom; y < top; y += 1) pixels[y * width + x] = colour;
  }
}

// view: x0, x1 in us, y0, y1 in rows (negative, see plots.js), width and height in pixels.
// Returns the pixels and, per pixel column, how many cores of each type are busy with what matches.
function rasterise(run, view) {
  const { width, height } = view;
  view.scale = width / (view.x1 - view.x0);
  const pixels = new Uint32Array(width * height);
  const line = new Float32Array(4 * width);
  const counts = { aic: new Float32Array(width), aiv: new Float32Array(width) };
  const pixelOf = (y) => Math.round(((y - view.y0) / (view.y1 - view.y0)) * height);
  for (const [row, lane] of run.laneOrder) {
    const isVisible = -row > view.y0 - 1 && -row < view.y1 + 1;
    const kind = run.lanes.kind[lane];
    for (const layer of layersOf(run, lane)) {
      line.fill(0);
      const counted = layer.bars === run.slices ? counts[kind] : null;
      if (!isVisible && !counted) continue;
      if (!cover(line, layer, lane, view, counted) || !isVisible) continue;
      const bottom = Math.max(0, pixelOf(-row - layer.height / 2));
      const top = Math.min(height, Math.max(pixelOf(-row + layer.height / 2), bottom + 1));
      blend(pixels, line, bottom, top, width);
    }
  }
  return { pixels, counts };
}
