"use strict";
// Draws the report from the facts in the page. Names come from files that anybody may have written: they reach the page
// as text alone (textContent), and Plotly, which reads tags in its labels, gets them escaped by `safe`.
const facts = JSON.parse(document.getElementById("facts").textContent);
const $ = (id) => document.getElementById(id);
const steps = facts.timesteps;
const NONE = "–";

function safe(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function percent(value, digits = 2) {
  return value === null || value === undefined ? NONE : (100 * value).toFixed(digits) + " %";
}

function number(value, digits = 3) {
  if (value === null || value === undefined) return NONE;
  if (Math.abs(value) >= 1e4) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(digits)));
}

function shorten(name, most = 38) {
  return name.length <= most ? name : "…" + name.slice(name.length - most + 1);
}

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// ---- plots: drawn when they come into view, all of them before printing, anew when the theme changes

const plots = new Map();

function layout(title, extra = {}) {
  const axis = { gridcolor: css("--grid"), zerolinecolor: css("--line"), linecolor: css("--line"), automargin: true };
  const made = {
    title: { text: title, font: { size: 14, weight: 600 }, x: 0, xref: "paper", xanchor: "left", y: 0.97, yanchor: "top" },
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--ink") },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 52, r: 14, t: 62, b: 44 },
    colorway: ["--one", "--two", "--three", "--four", "--bad"].map(css),
    legend: { orientation: "h", y: 1.01, yanchor: "bottom", x: 0, xanchor: "left", font: { size: 11 } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--line"), activecolor: css("--accent") },
    hoverlabel: { font: { size: 12 } }, ...extra,
  };
  for (const name of ["xaxis", "yaxis"]) made[name] = { ...axis, ...(extra[name] || {}) };
  return made;
}

function plot(id, build) {
  plots.set(id, { build, drawn: false });
  if (waiting) waiting.push(id);
  else watcher.observe($(id));
}

function draw(id) {
  const entry = plots.get(id);
  const [data, style, empty] = entry.build();
  const place = $(id);
  entry.drawn = true;
  if (empty) {
    if (place.classList.contains("js-plotly-plot")) Plotly.purge(place);
    place.textContent = empty;
    place.classList.add("none");
    return;
  }
  if (!place.classList.contains("js-plotly-plot")) place.textContent = "";
  place.classList.remove("none");
  Plotly.react(place, data, style, { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "resetScale2d"]] });
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting && !plots.get(entry.target.id).drawn) draw(entry.target.id);
  }
}, { rootMargin: "300px" });

function redraw(...ids) {
  for (const id of ids) if (plots.get(id).drawn) draw(id);
}

function whole(many) {
  return many <= 16 ? { dtick: 1 } : {};
}

function stepAxis() {
  return { title: { text: "time steps T" }, tickvals: steps, type: steps.length > 3 ? "log" : "linear" };
}

function line(name, values, extra = {}) {
  return { x: steps, y: values, name: safe(name), mode: "lines+markers", type: "scatter", ...extra };
}

function at(t) {
  return facts.figures.timesteps[t];
}

// ---- a sketch of the first plot, seen at once: it takes longer to read Plotly than all the rest

function sketch(id) {
  const [data, style, empty] = plots.get(id).build();
  if (empty) return;
  const NS = "http://www.w3.org/2000/svg", place = $(id), [w, h] = [place.clientWidth || 560, place.clientHeight || 290];
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
  const add = (tag, attributes, text = "") => {
    const made = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    svg.append(made);
  };
  const log = style.yaxis.type === "log", up = (v) => (log ? Math.log10(Math.max(v, 1e-9)) : v);
  const all = data.flatMap((d) => d.y).filter((v) => v !== null).map(up), low = Math.min(...all), span = Math.max(...all) - low || 1;
  const x = (i) => 60 + (w - 84) * (steps.length > 1 ? i / (steps.length - 1) : 0.5), y = (v) => h - 48 - (h - 120) * ((up(v) - low) / span);
  add("text", { x: 52, y: 18, fill: css("--ink"), "font-size": 14, "font-weight": 600 }, style.title.text);
  data.forEach((d, i) => {
    const points = d.y.map((v, j) => (v === null ? null : `${x(j)},${y(v)}`)).filter(Boolean).join(" ");
    add("polyline", { points, fill: "none", stroke: style.colorway[i], "stroke-width": 2 });
    if (data.length > 1) add("text", { x: 60 + 110 * i, y: 40, fill: style.colorway[i], "font-size": 11 }, d.name);
  });
  for (const v of [low, low + span]) add("text", { x: 52, y: y(log ? 10 ** v : v) + 4, fill: css("--muted"), "font-size": 11, "text-anchor": "end" }, percent(log ? 10 ** v : v, 1));
  steps.forEach((t, i) => add("text", { x: x(i), y: h - 26, fill: css("--muted"), "font-size": 11, "text-anchor": "middle" }, t));
  place.replaceChildren(svg);
}

// ---- the head, and the tiles

function head() {
  $("title").textContent = facts.title;
  const many = facts.figures.samples;
  $("subtitle").textContent = `${many} samples of ${facts.data}; populations observed on ${facts.observed} of them; ` +
    `${facts.populations.length} populations, ${number(facts.figures.neurons)} neurons`;
  const last = at(facts.own_timesteps) || at(steps[steps.length - 1]);
  const own = facts.figures.timesteps[facts.own_timesteps] ? facts.own_timesteps : steps[steps.length - 1];
  const energy = facts.figures.energy;
  const tiles = [
    ["accuracy", percent(last.accuracy), `plain network ${percent(facts.figures.ann.accuracy)}`],
    ["agreement", percent(last.agreement), "of answers with the plain network's"],
    ["cosine", last.cosine === null ? NONE : last.cosine.toFixed(5), "with the plain network's vectors"],
    ["relative error", percent(last.relative_error), "of the output"],
    ["events", number(last.events_per_neuron), "a neuron and sample"],
    ["energy", energy ? number(energy.fp32[own].ratio) : NONE, "of the plain network's, fp32"],
  ];
  for (const [name, value, note] of tiles) {
    if (value === NONE) continue;
    $("tiles").append(make("div", {}, make("dt", { text: `${name}, T=${own}` }),
      make("dd", { text: value }, make("small", { text: note }))));
  }
}

function table(place, columns, rows, sortable = false) {
  const body = make("tbody");
  const heads = columns.map((name, index) => {
    if (!sortable) return make("th", { text: name, scope: "col" });
    const th = make("th", { scope: "col", "aria-sort": "none" });
    th.append(make("button", { type: "button", text: name, onclick: () => sort(index, th) }));
    return th;
  });
  function fill(ordered) {
    body.replaceChildren(...ordered.map((cells) => make("tr", {}, ...cells.map((cell, index) => {
      if (cell instanceof Node) return make("td", { class: "name" }, cell);
      if (cell && typeof cell === "object") return make("td", { text: cell.text });
      return make("td", { text: cell === null ? NONE : cell, ...(index ? {} : { class: "name", title: String(cell) }) });
    }))));
  }
  function sort(index, th) {
    const down = th.getAttribute("aria-sort") !== "descending";
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (cells) => { const c = cells[index]; return c instanceof Node ? c.textContent : (c && typeof c === "object" ? c.value : c); };
    fill([...rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      const order = typeof x === "number" || typeof y === "number" ? (x ?? -1) - (y ?? -1) : String(x).localeCompare(String(y));
      return down ? -order : order;
    }));
  }
  fill(rows);
  place.replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body));
}

// ---- accuracy

function accuracy() {
  const figures = steps.map(at), ann = facts.figures.ann.accuracy;
  plot("plot-accuracy", () => {
    const data = [];
    const shown = [["accuracy", "accuracy"], ["agreement", "agreement"], ["cosine", "cosine"]];
    for (const [name, key] of shown) if (figures.some((f) => f[key] !== null)) data.push(line(name, figures.map((f) => f[key])));
    if (ann !== null) data.push(line("plain network", steps.map(() => ann), { mode: "lines", line: { dash: "dot", width: 1.5 } }));
    if (!data.length) return [null, null, "The output holds neither classes nor vectors."];
    const plain = figures.every((f) => f.cosine !== null) && figures.every((f) => f.agreement === null);
    return [data, layout(plain ? "Cosine with the plain network" : "Accuracy and agreement",
      { xaxis: stepAxis(), yaxis: { tickformat: plain ? ".4f" : ".1%" } })];
  });
  plot("plot-error", () => [[line("relative error", figures.map((f) => f.relative_error))],
    layout("Relative error of the output", { xaxis: stepAxis(), yaxis: { type: "log", tickformat: ".2~%", dtick: "D2" }, showlegend: false })]);
  const columns = ["T", "accuracy", "agreement", "cosine", "relative error", "events a neuron", "synaptic operations"];
  const cells = (f) => [percent(f.accuracy), percent(f.agreement), number(f.cosine, 6), percent(f.relative_error),
    number(f.events_per_neuron), number(f.synaptic_operations)];
  const used = columns.map((_, i) => i === 0 || figures.some((f) => cells(f)[i - 1] !== NONE));
  table($("table-accuracy"), columns.filter((_, i) => used[i]),
    steps.map((t) => [String(t), ...cells(at(t))].filter((_, i) => used[i])));
}

// ---- costs

const three = { margin: { l: 52, r: 14, t: 80, b: 44 } };

function costs() {
  const energy = facts.figures.energy, figures = steps.map(at);
  plot("plot-events", () => [[line("events", figures.map((f) => f.events_per_neuron))],
    layout("Events a neuron", { xaxis: stepAxis(), yaxis: { rangemode: "tozero" }, showlegend: false, ...three })]);
  if (!energy) {
    for (const id of ["plot-operations", "plot-energy", "plot-layers"]) plot(id, () => [null, null, "Operations were not counted in this run."]);
    return;
  }
  const told = ["fp32", "fp16", "int8"].map((kind) => {
    const c = energy.constants[kind];
    return `${kind} ${c.multiply} + ${c.add} pJ`;
  });
  $("constants").textContent = `${energy.profile}; multiply + add: ${told.join(", ")}; a shift-add is an addition. ` +
    `Plain network: ${number(energy.ann.dense_macs)} multiply-accumulates a sample. Left out: ${energy.left_out}.`;
  plot("plot-operations", () => {
    const data = [["shift-adds", "shift_adds"], ["multiplications", "multiplications"]].map(([name, key]) =>
      line(name, steps.map((t) => energy.operations[t][key])));
    data.push(line("plain MACs", steps.map(() => energy.ann.dense_macs), { mode: "lines", line: { dash: "dot", width: 1.5 } }));
    return [data, layout("Operations a sample", { xaxis: stepAxis(), yaxis: { rangemode: "tozero", exponentformat: "SI" }, ...three })];
  });
  plot("plot-energy", () => {
    const data = ["fp32", "fp16", "int8"].map((kind) => line(kind, steps.map((t) => energy[kind][t].ratio)));
    data.push(line("plain network", steps.map(() => 1), { mode: "lines", line: { dash: "dot", width: 1.5 } }));
    return [data, layout("Energy / plain network", { xaxis: stepAxis(), yaxis: { rangemode: "tozero" }, ...three })];
  });
  plot("plot-layers", () => {
    const layers = energy.layers, t = steps[steps.length - 1];
    const bar = (name, value, extra = {}) => ({ type: "bar", name, x: layers.map((_, i) => i), y: layers.map(value),
      hovertext: layers.map((l) => safe(`${l.name} (${l.operator})`)), hovertemplate: "%{hovertext}<br>%{y:.3s}J<extra>" + name + "</extra>", ...extra });
    return [[bar(`spiking, T=${t}`, (l) => l.fp32.shift_adds * 1e-12), bar("plain network", (l) => l.fp32.ann * 1e-12)],
      layout("Energy a sample by layer, fp32", { barmode: "group", bargap: 0.15, yaxis: { exponentformat: "SI", ticksuffix: "J" },
        xaxis: { title: { text: "layers in order" }, showgrid: false, showticklabels: layers.length <= 24, tickvals: layers.map((_, i) => i),
          ticktext: layers.map((l) => safe(shorten(l.name, 18))), tickangle: -35 } })];
  });
}

// ---- one population in detail

let chosen = 0;

function detail() {
  const p = facts.populations[chosen], sample = Number($("sample").value || 0);
  $("detail-text").textContent = `${p.operator}: ${number(p.neurons)} neurons a sample, scale ${number(p.scale)}, ` +
    `${p.levels} levels, ${p.mantissa} mantissa bits; largest value here ${number(p.largest)}, in calibration ${number(p.calibrated)}`;
  redraw("plot-values", "plot-payloads", "plot-raster", "plot-traces");
  return [p, sample];
}

function details() {
  const names = $("population"), samples = $("sample");
  facts.populations.forEach((p, i) => names.append(make("option", { value: i, text: `${i + 1}. ${shorten(p.name, 60)}` })));
  facts.recorded.forEach((index, i) => samples.append(make("option", { value: i, text: String(index) })));
  names.addEventListener("change", () => choose(Number(names.value)));
  samples.addEventListener("change", detail);
  const now = () => [facts.populations[chosen], Number(samples.value || 0)];
  plot("plot-values", () => {
    const [p] = now(), h = p.values;
    const x = h.plain.map((_, i) => h.low + (i + 0.5) * (h.high - h.low) / h.plain.length);
    const bars = (name, y) => ({ x, y, name, type: "scatter", mode: "lines", line: { shape: "hvh" }, fill: "tozeroy" });
    return [[bars("plain network", h.plain), bars(`spiking, T=${h.timesteps}`, h.spiking)],
      layout("Values", { xaxis: { title: { text: "f(x), and its estimate" } }, yaxis: { type: "log", title: { text: "neurons" } } })];
  });
  plot("plot-payloads", () => {
    const [p] = now(), h = p.payloads;
    if (!h.counts.length) return [null, null, "This population sent nothing."];
    return [[{ type: "bar", x: h.exponents.map((e) => `2^${e}`), y: h.counts }],
      layout("Payloads, in scales", { xaxis: { type: "category", title: { text: "at least" } }, yaxis: { title: { text: "spikes" } }, showlegend: false })];
  });
  plot("plot-raster", () => {
    const [p, s] = now(), made = { x: [], y: [], color: [], size: [] };
    const most = Math.max(1e-30, ...p.spikes[s].flat().map(Math.abs));
    p.spikes[s].forEach((row, t) => row.forEach((value, i) => {
      if (!value) return;
      made.x.push(t + 1); made.y.push(i); made.color.push(value > 0 ? css("--one") : css("--two"));
      made.size.push(4 + 8 * Math.sqrt(Math.abs(value) / most));
    }));
    if (!made.x.length) return [null, null, "The neurons chosen were silent on this sample."];
    return [[{ x: made.x, y: made.y, type: "scatter", mode: "markers", marker: { color: made.color, size: made.size, symbol: "line-ns-open", line: { width: 2 } },
      hovertemplate: "step %{x}, neuron %{y}<extra></extra>" }],
      layout("Spikes (blue up, orange down)", { xaxis: { title: { text: "time step" }, range: [0.5, p.spikes[s].length + 0.5], ...whole(p.spikes[s].length) },
        yaxis: { title: { text: "neuron chosen" } }, showlegend: false })];
  });
  plot("plot-traces", () => {
    const [p, s] = now(), data = [], colours = ["--one", "--two", "--three", "--four", "--bad", "--muted"].map(css);
    const many = p.traces[s].length, x = Array.from({ length: many + 1 }, (_, i) => i);
    p.aims[s].forEach((aim, i) => {
      const color = colours[i % colours.length];
      data.push({ x, y: [0, ...p.traces[s].map((row) => row[i])], mode: "lines+markers", name: `neuron ${p.traced[i]}`, line: { color, shape: "hv" }, marker: { size: 5 } });
      data.push({ x: [0, many], y: [aim, aim], mode: "lines", line: { color, dash: "dot", width: 1.2 }, showlegend: false, hoverinfo: "skip" });
    });
    return [data, layout("Estimates; dotted: the plain network", { xaxis: { title: { text: "time step" }, ...whole(many) }, showlegend: false })];
  });
}

function choose(index) {
  chosen = index;
  $("population").value = index;
  detail();
  graph.mark(index);
}

// ---- the table of populations

function populations(t) {
  $("populations-text").textContent = `At T=${t}, on ${facts.observed} samples. Error: |v - plain| / |plain|; own error: what the ` +
    "population adds itself, |f(x) - v| / |f(x)|. The slider above chooses T; a heading sorts.";
  const share = (value) => ({ value, text: percent(value) }), plain = (value) => ({ value, text: number(value) });
  table($("table-populations"), ["population", "operator", "neurons", "error", "own error", "saturated", "silent", "events a neuron", "scale", "largest"],
    facts.populations.map((p, i) => {
      const f = p.at[t], link = make("button", { type: "button", class: "link", text: shorten(p.name, 36), title: p.name,
        onclick: () => { choose(i); $("detail").scrollIntoView({ block: "nearest" }); } });
      return [link, p.operator.replace(/^Spiking/, ""), plain(p.neurons), share(f.error), share(f.own_error), share(f.saturated), share(f.silent),
        plain(f.events_per_neuron), plain(p.scale), plain(p.largest)];
    }), true);
}

// ---- answers

function answers() {
  const a = facts.answers, t = a.timesteps;
  $("answers-text").textContent = a.text;
  plot("plot-confusion", () => {
    if (!a.confusion) return [null, null, "The output does not hold one class a sample: there is no confusion to show."];
    const names = a.confusion.classes.map(safe);
    return [[{ z: a.confusion.counts, x: names, y: names, type: "heatmap", colorscale: facts.colours.map((c, i) => [i / (facts.colours.length - 1), c]),
      hovertemplate: "plain %{y}, spiking %{x}: %{z}<extra></extra>", xgap: 1, ygap: 1, colorbar: { thickness: 10, outlinewidth: 0 } }],
      layout(`Top-1 of both networks, T=${t}`, { xaxis: { type: "category", title: { text: "spiking" } },
        yaxis: { type: "category", title: { text: "plain" }, autorange: "reversed" } })];
  });
  plot("plot-samples", () => [[{ type: "histogram", x: a.errors, nbinsx: 40 }],
    layout(`Relative error of each sample, T=${t}`, { xaxis: { tickformat: ".1%" }, yaxis: { title: { text: "samples" } }, showlegend: false })]);
  $("h-samples").textContent = a.heading;
  for (const one of a.samples) {
    const item = make("li");
    if (one.picture) item.append(picture(one.picture, one.index));
    item.append(make("b", { text: `sample ${one.index}` }), make("br"), document.createTextNode(one.text));
    $("samples").append(item);
  }
}

function picture(p, index) {
  const canvas = make("canvas", { width: p.width, height: p.height, role: "img", "aria-label": `sample ${index}` });
  if (p.width < 64) canvas.className = "small";
  const bytes = Uint8Array.from(atob(p.rgb), (c) => c.charCodeAt(0)), context = canvas.getContext("2d");
  const image = context.createImageData(p.width, p.height);
  for (let i = 0; i < p.width * p.height; i++) {
    image.data.set(bytes.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// ---- settings, theme, printing

function settings() {
  const rows = (pairs) => pairs.map(([name, value]) => [name, make("span", { text: value })]);
  for (const [id, title, pairs] of [["table-settings", "setting", facts.settings], ["table-versions", "version of", facts.versions]]) {
    table($(id), [title, ""], rows(pairs));
    $(id).querySelectorAll("td:last-child").forEach((cell) => { cell.className = "wrap"; });
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme === "dark" ? "Light" : "Dark";
  $("theme").setAttribute("aria-pressed", String(theme === "dark"));
  for (const [id, entry] of plots) if (entry.drawn) draw(id);
}

function theming() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const now = () => document.documentElement.dataset.theme;
  setTheme(system.matches ? "dark" : "light");
  system.addEventListener("change", () => setTheme(system.matches ? "dark" : "light"));
  $("theme").addEventListener("click", () => setTheme(now() === "dark" ? "light" : "dark"));
  let before = null;
  addEventListener("beforeprint", () => { before = now(); setTheme("light"); for (const id of plots.keys()) draw(id); });
  addEventListener("afterprint", () => { if (before) setTheme(before); });
}

function slider() {
  const input = $("slider"), measures = $("colour");
  for (const [key, name] of facts.measures) measures.append(make("option", { value: key, text: name }));
  input.max = steps.length - 1;
  input.value = Math.max(0, steps.indexOf(facts.own_timesteps));
  const show = () => {
    const t = steps[Number(input.value)];
    $("slider-value").textContent = `T=${t}`;
    input.setAttribute("aria-valuetext", `T=${t}`);
    graph.colour(measures.value, t);
    populations(t);
  };
  input.addEventListener("input", show);
  measures.addEventListener("change", show);
  show();
}

let graph = null, waiting = [];

function rest() {
  document.head.append(make("script", { text: $("plotly").textContent }));
  for (const id of waiting) watcher.observe($(id));
  waiting = null;
  costs();
  graph = makeGraph($("graph"), facts, { choose, tip: $("tip"), legend: $("legend"), percent, number, make });
  details();
  slider();
  choose(0);
  answers();
  settings();
  performance.mark("ready");
  document.documentElement.dataset.ready = "true";
}

head();
theming();
accuracy();
sketch("plot-accuracy");
sketch("plot-error");
requestAnimationFrame(() => setTimeout(() => {
  performance.mark("first-plot");  // it is painted by now, while Plotly is still being read
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", rest);
  else rest();
}));
