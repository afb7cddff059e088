"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const charts = JSON.parse(document.getElementById("charts").textContent);
const place = (id) => document.getElementById(id);

// Amounts: the rule and the units of carbon_pipeline/model/amounts.py; a test holds the two together.
// As Python: a tie of whole numbers goes to the even one.
const whole = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));
const rounded = (value, digits) => (value ? Number((value * (1 + 1e-13)).toPrecision(digits)) : 0);
function unitOf(values, unit) {
  const units = data.units[unit];
  const largest = Math.max(0, ...values.map(Math.abs).filter(Number.isFinite));
  if (!largest) return units.reduce((best, one) => (Math.abs(Math.log(one[0])) < Math.abs(Math.log(best[0])) ? one : best));
  return units.find(([size]) => rounded(largest / size, 3) >= 1) ?? units.at(-1);
}
function written(value, digits = 3, decimals = 3) {
  const least = 10 ** -decimals;
  if (value && Math.abs(value) < least / 2) return `${value > 0 ? "<" : ">-"}${least.toFixed(decimals)}`;
  const text = Number(rounded(value, digits).toFixed(decimals)).toLocaleString("en", { maximumFractionDigits: decimals });
  return text === "-0" ? "0" : text;
}
function amount(value, unit) {
  if (unit === "s" && value >= 59.5) return time(value);
  const [size, symbol] = unitOf([value], unit);
  return `${written(value / size)} ${symbol}`;
}
function interval(low, high, unit, of = null) {
  if (low === high) return amount(low, unit);
  const ofValue = of ? unitOf([of], unit) : null;
  const [size, symbol] = ofValue && Math.max(Math.abs(low), Math.abs(high)) < 1e5 * ofValue[0] ? ofValue : unitOf([low, high], unit);
  const isWide = low < high / 2;
  const texts = [written(low / size, isWide ? 2 : 3, isWide ? 5 : 3), written(high / size, isWide ? 2 : 3)];
  return `${texts[0] === texts[1] ? texts[0] : texts.join(" to ")} ${symbol}`;
}
function time(seconds) {
  const [size, name, smaller, rest] = whole(seconds) < 3600 ? [60, "min", 1, "s"]
    : whole(seconds / 60) < 1440 ? [3600, "h", 60, "min"] : [86400, "d", 3600, "h"];
  const count = whole(seconds / smaller);
  const each = size / smaller;
  return `${Math.floor(count / each).toLocaleString("en")} ${name}${count % each ? ` ${count % each} ${rest}` : ""}`;
}
const duration = (seconds) => (seconds == null ? "not known" : amount(seconds, "s"));
const KINDS = {
  energy: { value: "energy_kwh", open: "energy_open", unit: "kWh" },
  emissions: { value: "emissions_kg", open: "emissions_open", unit: "kg CO2eq" },
};
const ends = (sum, kind) => [sum[`${kind}_low_${kind === "energy" ? "kwh" : "kg"}`], sum[`${kind}_high_${kind === "energy" ? "kwh" : "kg"}`]];
function shown(sum, kind) {
  const { value, unit } = KINDS[kind];
  return sum[value] == null ? "not known" : amount(sum[value], unit);
}
function range(sum, kind) {
  const [low, high] = ends(sum, kind);
  if (low == null || high == null) return "no interval";
  if (sum[KINDS[kind].open]) return "no interval for a part";
  return interval(low, high, KINDS[kind].unit, sum[KINDS[kind].value]);
}
const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

// Sums: what the filters leave, added up.
const filter = { project: null, from: 0, until: data.periods.length - 1 };
const isShown = ([period, project]) =>
  period >= filter.from && period <= filter.until && (filter.project === null || project === filter.project);
function add(sum, row) {
  data.measures.forEach((name, at) => {
    const value = row[at + 3];
    if (value != null) sum[name] = (sum[name] ?? 0) + value;
    else sum[name] ??= null;
  });
  return sum;
}
function grouped(dimension, key, keep = isShown) {
  const groups = new Map();
  for (const row of data.sums[dimension] ?? []) {
    if (keep(row)) groups.set(key(row), add(groups.get(key(row)) ?? {}, row));
  }
  return groups;
}
function named(dimension, other) {
  const groups = dimension === "project" ? grouped("total", (row) => row[1]) : grouped(dimension, (row) => row[2]);
  const names = dimension === "project" ? data.projects : (data.names[dimension] ?? []);
  const rows = [...groups].map(([at, sum]) => ({ label: at < 0 ? other : names[at], sum, at }));
  return rows.sort((a, b) => (a.at < 0) - (b.at < 0) || (b.sum.energy_kwh ?? -1) - (a.sum.energy_kwh ?? -1));
}

// Elements: text from outside only ever becomes text.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.flat().filter((child) => child != null));
  return made;
}
function fill(id, ...children) {
  const section = place(id);
  section.replaceChildren(section.querySelector("h2"), ...children.flat());
}
const name = (text) => element("bdi", {}, text);
function table(title, head, rows, { open = false, total = null, text = [], screenOnly = false } = {}) {
  const cell = (tag) => (value, at) => element(tag, { ...(at && text.includes(at) ? { class: "text" } : {}),
    ...(tag === "th" ? { scope: "col" } : {}) }, value);
  const line = (row) => element("tr", {}, element("th", { scope: "row" }, row[0]), row.slice(1).map((value, at) => cell("td")(value, at + 1)));
  const made = element("table", {}, element("thead", {}, element("tr", {}, head.map(cell("th")))),
    element("tbody", {}, rows.map(line)), total ? element("tfoot", {}, line(total)) : null);
  const scroll = element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title }, made);
  return element("details", { ...(open ? { open: "" } : {}), ...(screenOnly ? { class: "screen" } : {}) }, element("summary", {}, title), scroll);
}
const HEAD = ["runs", "time", "energy", "at the wall", "emissions", "emissions, interval"];
const cells = (sum) => [sum.runs.toLocaleString("en"), duration(sum.duration_s), shown(sum, "energy"), range(sum, "energy"),
  shown(sum, "emissions"), range(sum, "emissions")];
const sentence = (sum) => `${shown(sum, "energy")}, at the wall ${range(sum, "energy")}; ${shown(sum, "emissions")}`;

// Charts: drawn without eval, in colours that are variables of the style sheet.
const drawings = [];
function draw(chart, rows, description, { title = "", widest = Infinity, top = null } = {}) {
  const holder = element("div", { class: "chart", role: "img", "aria-label": `${description}. The table has the numbers.` });
  drawings.push(async () => {
    const spec = JSON.parse(JSON.stringify(charts[chart]).replaceAll('"TITLE"', JSON.stringify(title || null)));
    if (top !== null) spec.encoding.x.scale.domain = [0, top];
    if (spec.height.step) spec.height = spec.height.step * new Set(rows.map(({ label }) => label)).size;
    if (chart === "power") { // components that were not measured, or are not there, need no colour
      const scale = spec.encoding.color.scale;
      const used = scale.domain.map((part) => rows.some((row) => row.part === part && row.watts));
      [scale.domain, scale.range] = [scale.domain, scale.range].map((list) => list.filter((_, at) => used[at]));
    }
    if (chart === "bars") spec.encoding.y.axis.labelLimit = holder.clientWidth * 0.42;
    Object.assign(spec, { config: charts.config, data: { values: rows }, width: Math.min(holder.clientWidth, widest),
      autosize: { type: "fit-x", contains: "padding" } });
    await vegaEmbed(holder, spec, { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
      tooltip: { disableDefaultStyle: true }, logLevel: 1 });
    for (const part of holder.querySelectorAll("[role]")) part.removeAttribute("role"); // the holder is one image
  });
  return holder;
}
function scaled(rows, kind = "energy") {
  const most = Math.max(0, ...rows.map(({ sum }) => Math.max(sum[KINDS[kind].value] ?? 0, sum[KINDS[kind].open] ? 0 : (ends(sum, kind)[1] ?? 0))));
  const [size, symbol] = unitOf([most], KINDS[kind].unit);
  const scale = (value) => (value == null ? null : value / size);
  return { title: `${kind}, ${symbol}; line: at the wall`, rows: rows.map(({ label, sum }) => ({
    label, value: scale(sum[KINDS[kind].value]), tip: `${label}: ${sentence(sum)}; ${counted(sum.runs, "run")}`,
    low: sum[KINDS[kind].open] ? null : scale(ends(sum, kind)[0]), high: sum[KINDS[kind].open] ? null : scale(ends(sum, kind)[1]),
  })) };
}
function breakdown(id, dimension, noun, { other = `other ${noun}s`, note = null } = {}) {
  const rows = named(dimension, other);
  if (!rows.length) return fill(id, element("p", { class: "note" }, "No runs."));
  const { title, rows: bars } = scaled(rows);
  fill(id, note ? element("p", { class: "note" }, note) : [], draw("bars", bars, `Energy by ${noun}`, { title }),
    table(`Table by ${noun}`, [noun, ...HEAD], rows.map(({ label, sum }) => [name(label), ...cells(sum)])));
}

// Periods
const NEXT = { day: [0, 0, 1], week: [0, 0, 7], month: [0, 1, 0], quarter: [0, 3, 0], year: [1, 0, 0], decade: [10, 0, 0] };
const FORMATS = { day: { day: "numeric", month: "short", year: "numeric" }, month: { month: "short", year: "numeric" }, year: { year: "numeric" } };
function periodName(text, unit = data.unit) {
  const at = new Date(`${text}T00:00Z`);
  if (unit === "quarter") return `Q${at.getUTCMonth() / 3 + 1} ${at.getUTCFullYear()}`;
  const written = new Intl.DateTimeFormat("en-GB", { ...(FORMATS[unit] ?? (unit === "week" ? FORMATS.day : FORMATS.year)), timeZone: "UTC" }).format(at);
  return { week: `week of ${written}`, decade: `${written}s` }[unit] ?? written;
}
function withGaps(periods) { // periods without runs are shown too
  const all = [];
  for (let at = new Date(`${periods[0]}T00:00Z`); ; ) {
    const text = at.toISOString().slice(0, 10);
    all.push(text);
    if (text >= periods.at(-1)) return all;
    const [years, months, days] = NEXT[data.unit];
    at = new Date(Date.UTC(at.getUTCFullYear() + years, at.getUTCMonth() + months, at.getUTCDate() + days));
  }
}

// Sections
const NONE = { runs: 0, duration_s: 0, energy_kwh: 0, energy_low_kwh: 0, energy_high_kwh: 0, emissions_kg: 0, emissions_low_kg: 0, emissions_high_kg: 0 };
function split(text) { // the unit smaller than the number
  const at = text.indexOf(" ");
  return /^\d/.test(text) && at > 0 && !/\d/.test(text.slice(at).replace("CO2eq", "")) ? [text.slice(0, at), element("small", {}, text.slice(at))] : [text];
}
function totals() {
  const sum = grouped("total", () => 0).get(0) ?? NONE;
  const tile = (title, value, below) => element("div", { class: "tile" }, element("span", {}, title), element("b", {}, ...split(value)), element("span", {}, below));
  place("tiles").replaceChildren(
    tile("Energy", shown(sum, "energy"), `at the wall ${range(sum, "energy")}`),
    tile("Emissions", shown(sum, "emissions"), range(sum, "emissions")),
    tile("Time of all runs", duration(sum.duration_s), "added up"),
    tile("Runs", sum.runs.toLocaleString("en"), !sum.runs ? "none that the filters leave" : sum.runs_unknown ? `${sum.runs_unknown.toLocaleString("en")} without a known energy` : "all with a known energy"),
  );
  const [low, high] = ends(sum, "energy");
  const open = sum.energy_open && low != null
    ? `${amount(sum.energy_open_kwh, "kWh")} of the energy has no interval, since its CPU was not measured, for example. At the wall, the rest took ${interval(low, high, "kWh", sum.energy_kwh)}.` : null;
  const atWall = named("source", "other").filter(({ label }) => label !== "the general model").reduce((all, row) => ({ runs: all.runs + row.sum.runs, kwh: all.kwh + (row.sum.energy_kwh ?? 0) }), { runs: 0, kwh: 0 });
  const nowhere = named("country", "other countries").find(({ label }) => label === "");
  const said = [
    atWall.runs ? `The energy of ${counted(atWall.runs, "run")}, ${amount(atWall.kwh, "kWh")} in all, is that at the wall: read by a meter there, or predicted from earlier runs with one.` : null,
    atWall.runs === sum.runs ? null : `${atWall.runs ? "That of the others" : "The energy"} is what is known of CPU, GPU and memory: counted, or modelled where there is no counter. Power supply, mainboard and fans are only in the interval at the wall, in which the energy drawn from the socket lies.`,
    open,
    sum.runs_unknown ? `The energy of ${counted(sum.runs_unknown, "run")} is not known. They count as nothing here, so the true total is higher.` : null,
    sum.energy_without_emissions_kwh ? `${amount(sum.energy_without_emissions_kwh, "kWh")} has no known carbon intensity and is not in the emissions.` : null,
    nowhere ? `The country of ${counted(nowhere.sum.runs, "run")} is not known: their emissions are those of the world's average electricity, unless its carbon intensity was given or their file has its own.` : null,
    data.totals.tasks ? `${counted(data.totals.tasks, "task")} within these runs ${data.totals.tasks === 1 ? "is" : "are"} counted there, not again.` : null,
    "Not included: making the hardware, network and storage elsewhere, and machines that idle between runs.",
  ];
  place("coverage").replaceChildren(...said.filter(Boolean).map((text) => element("li", {}, text)));
}
function overTime() {
  const groups = grouped("total", (row) => data.periods[row[0]]);
  if (!groups.size) return fill("time", element("p", { class: "note" }, "No runs."));
  const rows = withGaps([...groups.keys()].sort()).map((period) => ({ label: periodName(period), sum: groups.get(period) ?? NONE }));
  const { title, rows: bars } = scaled(rows);
  const years = new Set(rows.map(({ label }) => label.slice(-4)));
  if (["day", "week"].includes(data.unit) && years.size === 1) {
    for (const bar of bars) bar.label = bar.label.replace("week of ", "").slice(0, -5);
  }
  fill("time", draw("over_time", bars, `Energy by ${data.unit}`, { title, widest: 120 + 90 * rows.length }),
    table(`Table by ${data.unit}`, [data.unit, ...HEAD], rows.filter(({ sum }) => sum !== NONE).map(({ label, sum }) => [label, ...cells(sum)]),
      { total: ["all", ...cells(grouped("total", () => 0).get(0))] }));
}
function isRunShown(run) {
  const began = data.periods.findLastIndex((period) => period <= run.started_at.slice(0, 10));
  return isShown([began, run.project_at]);
}
const runNote = (run) => [name(run.project), `, run ${run.run_id.slice(0, 8)}, ${run.started_at.slice(0, 16).replace("T", " ")} UTC, ${run.status}. ${sentence(run)}.`];
const runLink = (run) => (run.report ? element("a", { href: run.report }, "BoAmps report") : "");
function latest() {
  const runs = data.latest.filter(isRunShown).slice(0, 4);
  if (!runs.length) return fill("latest", element("p", { class: "note" }, "None of these runs has a power curve; imported files never have one."));
  fill("latest", element("div", { class: "runs" }, runs.map((run) => {
    const names = ["CPU", "GPU", "RAM"];
    const until = Math.max(run.duration_s, ...run.power.map((point) => point[1]));
    const [factor, unit] = until >= 7200 ? [3600, "hours"] : until >= 120 ? [60, "minutes"] : [1, "seconds"];
    const last = run.power.at(-1) ?? [];
    const power = [...run.power, [last[1], ...last.slice(1)]].flatMap(([from, , ...watts]) => watts.map((each, at) => ({ from: from / factor, watts: each, part: names[at],
      tip: "CPU, GPU and RAM, stacked" })).filter(({ watts: known }) => known != null));
    const bands = run.phases.flatMap((phase) => phase.bands.map(([from, length]) => ({ from: from / factor, until: (from + length) / factor,
      label: phase.name, tip: `${phase.name}: ${duration(length)}, from ${duration(from)} on` })));
    const phases = run.phases.map((phase) => [name(phase.name), phase.phases.toLocaleString("en"), duration(phase.duration_s), shown(phase, "energy"), range(phase, "energy")]);
    const numbers = run.power.map(([from, to, ...watts]) => [`${duration(from)} to ${duration(to)}`, ...watts.map((each) => (each == null ? "not known" : amount(each, "W")))]);
    return element("article", {}, element("h3", {}, name(run.name)), element("p", { class: "note" }, runNote(run), " ", runLink(run)),
      draw("power", power, "Power over time", { top: until / factor }),
      bands.length ? draw("phases", bands, "Phases over time", { title: `${unit} since the start`, top: until / factor }) : element("p", { class: "note" }, `Over ${duration(until)}; the run has no phases.`),
      phases.length ? table("Table of the phases", ["phase", "number", "time", "energy", "at the wall"], phases) : null,
      table("Table of the power", ["time", ...names], numbers, { screenOnly: true }));
  })));
}
function budgets() {
  const made = data.budgets.flatMap((budget) => [["energy", budget.max_kwh, 1], ["emissions", budget.max_kg, 2]].filter(([, limit]) => limit != null).map(([kind, limit, at]) => {
    const { value, unit } = KINDS[kind];
    const rows = budget.spent.map((spent, number) => ({ label: budget.period === "run" ? `${periodName(spent[0], "day")} (${number + 1})` : periodName(spent[0], budget.period), sum: { [value]: spent[at], runs: 1 } }));
    const unknown = budget.spent.map((spent) => spent[at + 2] > 0);
    const most = Math.max(limit, ...rows.map(({ sum }) => sum[value] ?? 0));
    const [size, symbol] = unitOf([most], unit);
    const text = (number) => (unknown[number] ? `${rows[number].sum[value] == null ? "" : `${shown(rows[number].sum, kind)} and `}an unknown part` : shown(rows[number].sum, kind));
    const bars = rows.map(({ label, sum }, number) => ({ label, value: (sum[value] ?? 0) / size, limit: limit / size, tip: `${label}: ${text(number)}` }));
    const over = rows.filter(({ sum }) => sum[value] > limit).length;
    const open = rows.filter(({ sum }, number) => unknown[number] && !(sum[value] > limit)).length;
    const verdict = !rows.length ? "no runs yet" : [over && `exceeded ${over} of ${rows.length} times`, open && `not known ${open} of ${rows.length} times`].filter(Boolean).join(", ") || "kept";
    const what = `${amount(limit, unit)} per ${budget.period}, ${budget.at === "wall" ? "upper end at the wall" : "as measured"}`;
    return element("article", {}, element("h3", {}, name(budget.asset)), element("p", { class: "note" }, `${what}: ${verdict}.`),
      draw("over_time", bars, `${kind} against the limit`, { title: `${kind}, ${symbol}; dashed: limit`, widest: 120 + 90 * rows.length }),
      table("Table of the budget", [budget.period, kind, "of the limit"], rows.map(({ label, sum }, number) => [label, text(number), unknown[number] ? "not known" : `${written(100 * sum[value] / limit)} %`])));
  }));
  fill("budgets", made.length ? [element("p", { class: "note" }, "For the latest periods, whatever the filters."), element("div", { class: "runs" }, made)]
    : element("p", { class: "note" }, "No budget has been checked yet: carbon_budget() in a Dagster project sets one."));
}
function waste() {
  const rows = named("status", "other");
  const lost = rows.filter(({ label }) => label !== "completed");
  const sum = lost.reduce((all, row) => ({ energy_kwh: (all.energy_kwh ?? 0) + (row.sum.energy_kwh ?? 0), runs: all.runs + row.sum.runs }), { runs: 0 });
  const all = rows.reduce((energy, row) => energy + (row.sum.energy_kwh ?? 0), 0);
  const share = all > 0 ? ` (${written(100 * (sum.energy_kwh ?? 0) / all, 2)} % of the energy)` : "";
  breakdown("waste", "status", "outcome", { other: "other", note: lost.length
    ? `${counted(sum.runs, "run")} did not complete: ${shown(sum, "energy")}${share}.` : "All runs completed." });
}
function warnings() {
  const rows = named("flag", "other").sort((a, b) => b.sum.runs - a.sum.runs);
  fill("flags", element("p", { class: "note" }, rows.length ? "A run can have several." : "No run has a warning."), rows.length
    ? table("Table of the warnings", ["warning", "runs", "energy", "meaning"], rows.map(({ label, sum }) => [label, sum.runs.toLocaleString("en"), shown(sum, "energy"), data.meaning[label] ?? ""]), { open: true, text: [3] }) : []);
  const runs = data.flagged.filter(isRunShown);
  fill("flagged", runs.length ? table("Table of the flagged runs", ["work", "project", "run", "started, UTC", "energy", "at the wall", "warnings", "report"], runs.map((run) =>
    [name(run.name), name(run.project), run.run_id.slice(0, 8), run.started_at.slice(0, 16).replace("T", " "), shown(run, "energy"), range(run, "energy"), run.flags.join(", "), runLink(run)]), { open: true, text: [1, 6] })
    : element("p", { class: "note" }, "None of the ten is among these runs."));
}
function files() {
  const links = Object.entries(data.files).map(([text, href]) => element("li", {}, element("a", { href }, text)));
  fill("files", links.length ? element("ul", {}, links) : element("p", { class: "note" }, "There are none: `carbon-pipeline export boamps` writes them."));
}
async function render() {
  drawings.length = 0;
  const scope = filter.project === null ? data.only ?? "All projects" : filter.project < 0 ? "Other projects" : data.projects[filter.project];
  const used = [...grouped("total", (row) => data.periods[row[0]]).keys()].sort();
  const bounds = [filter.from > 0 ? data.periods[filter.from] : used[0], filter.until < data.periods.length - 1 ? data.periods[filter.until] : used.at(-1)];
  const [from, until] = bounds.map((period) => used.length && periodName(period));
  place("scope").replaceChildren(name(scope), from ? (from === until ? `, ${from}` : `, ${from} to ${until}`) : data.periods.length ? ": no runs that the filters leave" : ": the warehouse has no runs yet");
  totals();
  overTime();
  breakdown("by-project", "project", "project");
  breakdown("by-asset", "asset", "asset");
  breakdown("by-hardware", "hardware", "hardware", { other: "other hardware" });
  breakdown("by-country", "country", "country", { other: "other countries" });
  breakdown("by-method", "method", "method", { note: "Only energies that were measured in one way compare." });
  breakdown("by-quality", "quality", "quality", { other: "other", note: "High, medium and low: the energy errs by at most 10, 25 and 50 %; none: by more, or it is not known by how much." });
  breakdown("by-source", "source", "source of the interval", { other: "other", note: "What the machine drew at the wall is read by a meter there, predicted from earlier runs with one, or bounded by what is known of such machines." });
  latest();
  budgets();
  waste();
  warnings();
  files();
  await Promise.all(drawings.map((drawing) => drawing()));
  document.body.dataset.drawn = Number(document.body.dataset.drawn ?? 0) + 1;
}
function options(id, entries) {
  place(id).replaceChildren(...entries.map(([value, text]) => element("option", { value }, text)));
}
function start() {
  const hasOthers = (data.sums.total ?? []).some((row) => row[1] < 0);
  options("project", [["", "all projects"], ...data.projects.map((text, at) => [at, text]), ...(hasOthers ? [[-1, "other projects"]] : [])]);
  const periods = data.periods.map((text, at) => [at, periodName(text)]);
  options("from", periods);
  options("until", periods);
  const changed = () => {
    filter.project = place("project").value === "" ? null : Number(place("project").value);
    filter.from = Number(place("from").value);
    filter.until = Number(place("until").value);
    if (filter.from > filter.until) [filter.from, filter.until] = [filter.until, filter.from];
    render();
  };
  const reset = () => {
    [place("project").value, place("from").value, place("until").value] = ["", "0", String(periods.length - 1)];
    changed();
  };
  for (const id of ["project", "from", "until"]) place(id).addEventListener("change", changed);
  place("filters").addEventListener("reset", (event) => { event.preventDefault(); reset(); });
  let width = innerWidth;
  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (width !== innerWidth) { width = innerWidth; render(); } }, 200);
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open], .screen)")];
    for (const each of opened) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of opened) each.open = false; });
  place("made").textContent = `Made by carbon-pipeline on ${data.made_at.replace("T", " ").replace("Z", " UTC")}. Times are UTC. Energies of runs that overlap on a host are shares, so nothing counts twice.`;
  reset();
}
start();
