// The panel beside the plots and the box beside the pointer.

function element(tag, properties = {}, ...children) {
  const one = Object.assign(document.createElement(tag), properties);
  one.append(...children.filter((child) => child !== null));
  return one;
}

const cssColour = (colour) => `rgb(${colour.map(Math.round).join(",")})`;

function factList(rows) {
  const list = element("dl");
  for (const [label, value] of rows) {
    const lines = Array.isArray(value) ? value : [value];
    list.append(element("dt", { textContent: label }));
    list.append(element("dd", {}, ...lines.map((line) => (line instanceof Node ? line : element("div", { textContent: line })))));
  }
  return list;
}

function heading(about) {
  const swatch = element("span", { className: "swatch" });
  swatch.style.background = cssColour(about.colour);
  return element("h3", {}, swatch, about.title);
}

function showHover(run, hit, clientX, clientY) {
  const box = document.getElementById("hover");
  const about = describe(run, hit);
  box.replaceChildren(heading(about), factList(about.rows));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const left = clientX + 16 + width > window.innerWidth ? clientX - width - 12 : clientX + 16;
  const top = Math.min(clientY + 14, window.innerHeight - height - 8);
  box.style.left = `${Math.max(4, left)}px`;
  box.style.top = `${Math.max(4, top)}px`;
}

function hideHover() {
  document.getElementById("hover").hidden = true;
}

function taskLink(run, task, text) {
  const go = () => {
    const row = extremeSlice(run, task, false);
    selectTask(run, task, row);
    if (row >= 0 && (run.slices.start[row] < plots.time.start || run.slices.end[row] > plots.time.end)) {
      showTime(run.slices.start[row], run.slices.end[row], 2);
    }
  };
  return element("button", { className: "link", textContent: text, onclick: go });
}

function inspect() {
  const panel = document.getElementById("inspector");
  const { run, task, wait } = selection;
  if (run === null) {
    panel.replaceChildren(element("p", { className: "faint", textContent: "Click a bar or a bubble: its task, waits, predecessors and arrows appear here." }));
    return;
  }
  const parts = [];
  if (wait >= 0) {
    const about = describeWait(run, wait);
    parts.push(heading(about), factList(about.rows));
  }
  if (task >= 0) parts.push(...taskParts(run, task));
  panel.replaceChildren(...parts);
}

function taskParts(run, task) {
  const { slices, tasks } = run;
  const parts = [];
  if (selection.row >= 0) {
    const about = describeSlice(run, selection.row);
    const own = about.rows.filter(([label]) => label !== "predecessors" && label !== "tensors");
    parts.push(heading(about), factList(own));
  } else {
    parts.push(element("h3", { textContent: taskName(run, task) }));
  }
  const facts = [];
  const first = extremeSlice(run, task, false);
  if (first >= 0) {
    const last = extremeSlice(run, task, true);
    facts.push(["whole task", `${us(slices.start[first])} to ${us(slices.end[last])}`]);
  }
  if (Number.isFinite(tasks.submit_end[task])) facts.push(["submitted", us(tasks.submit_end[task])]);
  if (Number.isFinite(tasks.ready[task])) facts.push(["ready", us(tasks.ready[task])]);
  facts.push(["slack", us(run.slack[task])]);
  for (const [label, isBefore] of [["predecessors", true], ["successors", false]]) {
    const found = neighbours(run, task, isBefore);
    const links = found.slice(0, 40).map(([other]) => element("div", {}, taskLink(run, other, taskName(run, other))));
    if (found.length > 40) links.push(`and ${found.length - 40} more`);
    facts.push([`${label} (${found.length})`, links.length ? links : "none"]);
  }
  const tensors = argumentLines(run, task);
  if (tensors.length) facts.push(["tensors", tensors]);
  parts.push(factList(facts));
  return parts;
}
