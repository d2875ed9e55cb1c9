// Starts the page.

function showFacts() {
  for (const run of RUNS) {
    const facts = run.facts.map(([label, value]) =>
      element("div", { className: "fact" }, element("span", { textContent: label }), element("b", { textContent: value })),
    );
    const name = RUNS.length > 1 ? `${"ab"[run.index]}: ${run.name}` : run.name;
    byId("facts").append(
      element("div", { className: "run" }, element("h2", { textContent: name }), ...facts,
        element("p", { className: "faint", textContent: run.details })),
    );
  }
  byId("verdict").textContent = DATA.verdict;
  byId("verdict").hidden = !DATA.verdict;
  byId("version").textContent = `npusim ${DATA.version}`;
}

// Where on the screen a moment of a lane is; for tests and scripts that drive the page.
function locate(run, lane, time) {
  const plot = lanesOf(run);
  const view = Bokeh.index.find_one_by_id(plot.id);
  const box = view.el.getBoundingClientRect();
  const frame = view.frame.bbox;
  const { start, end } = plot.y_range;
  return [
    box.left + frame.left + ((time - plots.time.start) / (plots.time.end - plots.time.start)) * frame.width,
    box.top + frame.top + ((end - rowOf(run, lane)) / (end - start)) * frame.height,
  ];
}

async function start() {
  showFacts();
  await embedPlots();
  const isDark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  connectControls();
  connectPointer();
  setTheme(isDark ? "dark" : "light");
  makeTabs();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    performance.mark("npusim-painted");
    document.documentElement.dataset.ready = "yes";
  }));
}

window.npusim = { runs: RUNS, filter, selection, plots, theme, locate, selectTask, setTheme, redraw };
start();
