// Numbers and names of scopes on the bars, as part of the picture: written once, they move with it.

const NARROWEST_LABEL_PX = 13;
const LABEL_CHARACTER_PX = 6;
const MOST_LABELS = 800;
const LABEL_ROW_PX = 7; // rows below this carry no text
const LABEL_PX = 9; // text is not larger than this
const DIGIT = 0.72; // height of a digit as a share of the size of the text

// The number of the scope on bars that are wide enough, its name on wider ones.
function labelsOf(run, plot, view) {
  const labels = [];
  const { start: seenFrom, end: seenTo } = plots.time;
  const perUs = plot.inner_width / plots.drawn.length;
  const rowPx = plot.inner_height / (view.y1 - view.y0);
  if (rowPx >= LABEL_ROW_PX) {
    for (const [row, lane] of run.laneOrder) {
      const isPipe = run.lanes.kind[lane] === "pipe";
      const bars = isPipe ? run.ops : run.slices;
      const hits = isPipe ? filter.hits[run.index].ops : filter.hits[run.index].slices;
      const stop = bars.first[lane + 1];
      for (let i = firstEndingAfter(bars, lane, view.x0); i < stop && bars.start[i] < view.x1; i += 1) {
        // In the middle of what is seen of the bar; of one beside the view, of what is drawn.
        const isSeen = bars.start[i] < seenTo && bars.end[i] > seenFrom;
        const left = Math.max(bars.start[i], isSeen ? seenFrom : view.x0);
        const right = Math.min(bars.end[i], isSeen ? seenTo : view.x1);
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
  return { labels, font: Math.min(rowPx, LABEL_PX) };
}

// Writes labels into pixels. As glyphs of bokeh, hundreds of them would be written for every frame
// in which the view moves.
function withLabels(pixels, view, { labels, font }, density) {
  if (!labels.length) return pixels;
  const { width, height } = view;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
  context.font = `bold ${font * density}px system-ui, sans-serif`;
  context.textAlign = "center";
  for (const { x, y, text, colour } of labels) {
    const row = ((y - view.y0) / (view.y1 - view.y0)) * height;
    // Pixel rows count from the bottom, those of a canvas from the top; the baseline lies half a
    // digit below the middle.
    context.setTransform(1, 0, 0, -1, (x - view.x0) * view.scale, row - DIGIT / 2 * font * density);
    context.fillStyle = colour;
    context.fillText(text, 0, 0);
  }
  return new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
}

function readable([r, g, b]) {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 140 ? "#15181D" : "#FFFFFF";
}
