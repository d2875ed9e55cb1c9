// Search, scope and cause chips, buttons, keys, theme, pointer.

const byId = (id) => document.getElementById(id);

function chip(text, colour, toggle) {
  const swatch = element("span", { className: "swatch" });
  swatch.style.background = cssColour(colour);
  return element("button", { className: "chip", type: "button", onclick: toggle }, swatch, text);
}

function makeChips() {
  const scopes = DATA.scopes.map((scope, index) => {
    const one = chip(`${scope.number} ${scope.name}`, theme.scopes[index], () => {
      const chosen = new Set(filter.scopes);
      if (!chosen.delete(index)) chosen.add(index);
      setScopes(chosen);
      filterChanged();
    });
    one.dataset.scope = scope.name;
    return one;
  });
  const present = new Set(RUNS.flatMap((run) => [...new Set(run.waits.reason)]));
  const reasons = [...present].sort((a, b) => a - b).filter((one) => !DATA.reasons[one].is_blank).map((index) => {
    const reason = DATA.reasons[index];
    const one = chip(reason.name, theme.reasons[index], () => {
      if (!filter.hiddenReasons.delete(index)) filter.hiddenReasons.add(index);
      filterChanged();
    });
    one.title = reason.meaning;
    one.dataset.reason = index;
    return one;
  });
  const blank = element("span", { className: "chip blank", title: "not drawn: there was nothing to do" },
    element("span", { className: "swatch" }), "no work");
  byId("scopes").replaceChildren(...scopes);
  byId("reasons").replaceChildren(...reasons);
  byId("blank").replaceChildren(...([...present].some((one) => DATA.reasons[one].is_blank) ? [blank] : []));
}

// Marks the chips, says how much matches and draws again.
function filterChanged() {
  for (const [index, one] of [...byId("scopes").children].entries()) {
    one.classList.toggle("off", filter.scopes.size > 0 && !filter.scopes.has(index));
  }
  for (const one of byId("reasons").children) {
    one.classList.toggle("off", filter.hiddenReasons.has(Number(one.dataset.reason)));
  }
  const total = RUNS.reduce((sum, run) => sum + run.slices.count, 0);
  byId("count").textContent = `${filter.count.toLocaleString("en")} of ${total.toLocaleString("en")} slices`;
  queueRedraw();
}

function clearAll() {
  byId("search").value = "";
  setSearch("");
  setScopes([]);
  filter.hiddenReasons.clear();
  filterChanged();
  clearSelection();
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  setThemeColours(name);
  byId("theme").textContent = name === "dark" ? "light" : "dark";
  colourPlots();
  makeChips();
  filterChanged();
  drawSelection();
  drawPath();
  inspect();
}

function zoomToSelection() {
  const { run, task, wait } = selection;
  if (run === null) return;
  if (wait >= 0) return showTime(run.waits.start[wait], run.waits.end[wait], 1);
  const first = extremeSlice(run, task, false);
  if (first >= 0) showTime(run.slices.start[first], run.slices.end[extremeSlice(run, task, true)], 0.5);
}

const KEYS = {
  w: () => zoomBy(0.6),
  s: () => zoomBy(1 / 0.6),
  a: () => panBy(-0.2),
  d: () => panBy(0.2),
  f: zoomToSelection,
  r: showAll,
  "/": () => byId("search").focus(),
  Escape: clearAll,
};

function showAll() {
  const [start, end] = plots.time.bounds;
  plots.time.setv({ start, end });
}

function connectControls() {
  byId("search").addEventListener("input", (event) => {
    setSearch(event.target.value);
    filterChanged();
  });
  byId("in").onclick = KEYS.w;
  byId("out").onclick = KEYS.s;
  byId("fit").onclick = showAll;
  byId("clear").onclick = clearAll;
  byId("theme").onclick = () => setTheme(theme.name === "dark" ? "light" : "dark");
  byId("path").onchange = (event) => {
    selection.hasPath = event.target.checked;
    drawPath();
  };
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.tagName === "INPUT" && event.target.type === "search";
    if (event.ctrlKey || event.metaKey || event.altKey || (isTyping && event.key !== "Escape")) return;
    const act = KEYS[event.key];
    if (act === undefined) return;
    event.preventDefault();
    if (isTyping) event.target.blur();
    act();
  });
}

// bokeh passes the document before the event.
function onPlot(name, act) {
  plots.doc.on_event(name, (_, event) => act(event));
}

function connectPointer() {
  const runOf = (event) => RUNS.find((run) => lanesOf(run) === event.origin);
  const clientOf = (event) => {
    const box = Bokeh.index.find_one_by_id(event.origin.id).el.getBoundingClientRect();
    return [box.left + event.sx, box.top + event.sy];
  };
  onPlot("mousemove", (event) => {
    const run = runOf(event);
    const hit = run === undefined ? null : hitTest(run, event.x, event.y);
    if (hit === null) hideHover();
    else showHover(run, hit, ...clientOf(event));
  });
  onPlot("mouseleave", hideHover);
  onPlot("tap", (event) => {
    const run = runOf(event);
    if (run === undefined) return;
    const hit = hitTest(run, event.x, event.y);
    if (hit === null) clearSelection();
    else if (hit.kind === "waits") selectWait(run, hit.row);
    else if (hit.task >= 0) selectTask(run, hit.task, hit.kind === "slices" ? hit.row : -1);
  });
  onPlot("doubletap", zoomToSelection);
  byId("plots").addEventListener("pointerleave", hideHover);
  window.addEventListener("scroll", hideHover, { passive: true }); // what it speaks of moves away
}
