// What the reader looks for: search words, scopes, wait reasons. Bars that do not match are faded.

const filter = {
  words: [],
  scopes: new Set(), // scopes shown; all if empty
  hiddenReasons: new Set(),
  hits: RUNS.map(() => ({ slices: null, ops: null })), // null: everything matches
  count: 0,
};

function isFiltering() {
  return filter.words.length > 0 || filter.scopes.size > 0;
}

// What a word matches in a run: scopes and lanes by part of their name, tasks by their number,
// instructions by the name of their operation.
function wordHits(run, word) {
  const has = (name) => name.toLowerCase().includes(word);
  const id = word.replace(/^#/, "");
  const onlyId = word.startsWith("#");
  return {
    scope: DATA.scopes.map((scope) => !onlyId && has(scope.name)),
    lane: run.lanes.name.map((name) => !onlyId && has(name)),
    task: run.tasks.id.map((one) => one === id),
    op: run.ops.names.map((name) => !onlyId && has(name)),
  };
}

function matching(run, bars, words, ops) {
  const hits = new Uint8Array(bars.count);
  for (let row = 0; row < bars.count; row += 1) {
    const task = bars.task[row];
    const scope = run.tasks.scope[task];
    hits[row] =
      (filter.scopes.size === 0 || filter.scopes.has(scope)) &&
      words.every(
        (word) =>
          word.scope[scope] ||
          word.task[task] ||
          word.lane[bars.lane[row]] ||
          (ops !== undefined && word.op[ops[row]]),
      )
        ? 1
        : 0;
  }
  return hits;
}

function applyFilter() {
  filter.count = 0;
  RUNS.forEach((run, index) => {
    if (!isFiltering()) {
      filter.hits[index] = { slices: null, ops: null };
      filter.count += run.slices.count;
      return;
    }
    const words = filter.words.map((word) => wordHits(run, word));
    const slices = matching(run, run.slices, words);
    filter.hits[index] = { slices, ops: matching(run, run.ops, words, run.ops.op) };
    for (const hit of slices) filter.count += hit;
  });
}

function setSearch(text) {
  filter.words = text.toLowerCase().split(/\s+/).filter(Boolean);
  applyFilter();
}

function setScopes(scopes) {
  filter.scopes = new Set(scopes);
  applyFilter();
}
applyFilter();
