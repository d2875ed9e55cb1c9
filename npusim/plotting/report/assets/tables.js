// Tables below the plots: tabs, sorting by a click on a heading, rows that pick what they name.

const tableState = { current: null, order: null };

function allTables() {
  const many = RUNS.length > 1;
  const own = RUNS.flatMap((run) =>
    run.tables.map((table) => ({ ...table, run, label: many ? `${table.label}: ${"ab"[run.index]}` : table.label })),
  );
  return [...DATA.tables.map((table) => ({ ...table, run: null })), ...own];
}

function makeTabs() {
  const bar = document.getElementById("tabs");
  for (const table of allTables()) {
    const tab = element("button", { className: "tab", textContent: table.label, onclick: () => showTable(table, tab) });
    tab.dataset.table = `${table.key}${table.run ? `-${table.run.index}` : ""}`;
    bar.append(tab);
  }
  bar.firstChild.click();
}

function showTable(table, tab) {
  for (const one of document.querySelectorAll("#tabs .tab")) one.classList.toggle("on", one === tab);
  tableState.current = table;
  tableState.order = null;
  fillTable();
}

function fillTable() {
  const { current: table, order } = tableState;
  const classes = table.columns.map((_, index) => (isText(table, index) ? "" : "number"));
  const head = element("tr");
  table.columns.forEach((column, index) => {
    const mark = order && order.column === index ? (order.isUp ? " ▲" : " ▼") : "";
    const cell = element("th", { className: classes[index], onclick: () => sortBy(index) }, column.heading + mark);
    if (column.unit) cell.append(element("span", { className: "unit", textContent: column.unit }));
    head.append(cell);
  });
  const body = element("tbody");
  for (const row of sortedRows(table, order)) {
    const cells = table.texts[row].map((text, index) =>
      element("td", { textContent: text, className: classes[index] }),
    );
    const line = element("tr", {}, ...cells);
    if (pointsAt(table, row)) {
      line.className = "pick";
      line.onclick = () => pick(table, row, line);
    }
    body.append(line);
  }
  const note = table.note ? `${table.title}; ${table.note}` : table.title;
  document.getElementById("table-note").textContent = note;
  document.getElementById("table").replaceChildren(element("thead", {}, head), body);
}

const isText = (table, column) => table.rows.some((row) => typeof row[column] === "string");

function sortBy(column) {
  const { current, order } = tableState;
  const isUp = order !== null && order.column === column ? !order.isUp : isText(current, column);
  tableState.order = { column, isUp };
  fillTable();
}

function sortedRows(table, order) {
  const rows = table.rows.map((_, index) => index);
  if (order === null) return rows;
  const sign = order.isUp ? 1 : -1;
  const value = (row) => table.rows[row][order.column];
  return rows.sort((a, b) => {
    const [one, other] = [value(a), value(b)];
    if (one === null || other === null) return (one === null) - (other === null); // missing: last
    return sign * (one < other ? -1 : one > other ? 1 : 0) || a - b;
  });
}

function cell(table, row, name) {
  const index = table.columns.findIndex((column) => column.name === name);
  return index < 0 ? null : table.rows[row][index];
}

function scopeIndex(table, row) {
  return DATA.scopes.findIndex((scope) => scope.name === cell(table, row, "scope"));
}

const isBubble = (table, row) => cell(table, row, "lane") !== null && cell(table, row, "start_us") !== null;

function pointsAt(table, row) {
  return isBubble(table, row) || scopeIndex(table, row) >= 0;
}

function pick(table, row, line) {
  for (const one of document.querySelectorAll("#table tr.on")) one.classList.remove("on");
  line.classList.add("on");
  if (isBubble(table, row)) pickBubble(table, row);
  else pickScope(table, row);
}

function pickBubble(table, row) {
  const { run } = table;
  const lane = run.lanes.name.indexOf(cell(table, row, "lane"));
  const start = cell(table, row, "start_us");
  const length = cell(table, row, "length_us") ?? 0;
  const bars = table.key === "path" ? run.slices : run.waits;
  const found = lane < 0 ? -1 : barAt(bars, lane, start + length / 2);
  showTime(start, start + length, 1);
  if (found < 0) return;
  if (bars === run.waits) selectWait(run, found);
  else selectTask(run, run.slices.task[found], found);
}

function pickScope(table, row) {
  const scope = scopeIndex(table, row);
  const isOnlyOne = filter.scopes.size === 1 && filter.scopes.has(scope);
  setScopes(isOnlyOne ? [] : [scope]);
  const start = cell(table, row, "window_start_us");
  if (!isOnlyOne && start !== null) showTime(start, cell(table, row, "window_end_us"));
  filterChanged();
}
