"use strict";
// The network as SVG: positions come from the file, colours from the figures of populations. Wheel and buttons zoom, a
// drag or the arrow keys move, Tab goes from population to population.
function makeGraph(place, facts, page) {
  const NS = "http://www.w3.org/2000/svg";
  const view = { x: 0, y: 0, w: 1, h: 1 }, bodies = new Map(), nodes = new Map();
  let measure = facts.measures[0][0], step = facts.timesteps[0];

  function element(tag, attributes = {}) {
    const made = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  const svg = element("svg", { role: "group", "aria-label": "Graph of the network; arrow keys move it, plus and minus zoom", tabindex: 0 });
  const layer = element("g");
  svg.append(layer);
  place.append(svg);

  function value(index) {
    return facts.populations[index].at[step][measure];
  }

  function describe(node) {
    if (node.population === null) return `${node.name}\n${node.operator}`;
    const p = facts.populations[node.population], f = p.at[step];
    return `${p.name}\n${p.operator}, ${page.number(p.neurons)} neurons, T=${step}\nerror ${page.percent(f.error)}, own ${page.percent(f.own_error)}\n` +
      `saturated ${page.percent(f.saturated)}, silent ${page.percent(f.silent)}, ${page.number(f.events_per_neuron)} events a neuron`;
  }

  function showTip(node, x, y) {
    page.tip.textContent = describe(node);
    page.tip.hidden = false;
    page.tip.style.left = Math.min(x + 14, innerWidth - 400) + "px";
    page.tip.style.top = Math.min(y + 14, innerHeight - 130) + "px";
  }

  function shape(kind) {
    if (kind === "population") return element("circle", { r: 13, class: "body" });
    if (kind === "join") return element("circle", { r: 4, class: "body" });
    if (kind === "port") return element("rect", { x: -16, y: -8, width: 32, height: 16, rx: 8, class: "body" });
    return element("rect", { x: -11, y: -8, width: 22, height: 16, rx: 3, class: "body" });
  }

  for (const path of facts.graph.edges) layer.append(element("path", { d: path, class: "edge" }));
  for (const node of facts.graph.nodes) {
    const group = element("g", { class: `node ${node.kind}`, transform: `translate(${node.x} ${node.y})` });
    const body = shape(node.kind);
    group.append(body);
    if (node.kind !== "join") {
      const text = element("text", { y: node.kind === "population" ? 24 : 19 });
      text.textContent = node.label;
      group.append(text);
    }
    group.addEventListener("pointermove", (event) => showTip(node, event.clientX, event.clientY));
    group.addEventListener("pointerleave", () => { page.tip.hidden = true; });
    if (node.population !== null) {
      group.setAttribute("tabindex", 0);
      group.setAttribute("role", "button");
      const pick = () => page.choose(node.population);
      group.addEventListener("click", pick);
      group.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(); } });
      group.addEventListener("focus", () => { const r = group.getBoundingClientRect(); showTip(node, r.right, r.bottom); });
      group.addEventListener("blur", () => { page.tip.hidden = true; });
      bodies.set(node.population, body);
      nodes.set(node.population, group);
    }
    layer.append(group);
  }

  function show() {
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
  }

  function fit() {
    Object.assign(view, { x: -30, y: -30, w: facts.graph.width + 60, h: facts.graph.height + 60 });
    show();
  }

  function zoom(factor, cx = view.x + view.w / 2, cy = view.y + view.h / 2) {
    const w = Math.min(4 * facts.graph.width + 400, Math.max(120, view.w * factor)), f = w / view.w;
    Object.assign(view, { x: cx - (cx - view.x) * f, y: cy - (cy - view.y) * f, w, h: view.h * f });
    show();
  }

  function pointer(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [point.x, point.y];
  }

  svg.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, ...pointer(event)); }, { passive: false });
  let held = null;
  svg.addEventListener("pointerdown", (event) => { held = pointer(event); svg.classList.add("drag"); });
  addEventListener("pointerup", () => { held = null; svg.classList.remove("drag"); });
  svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = pointer(event);
    view.x += held[0] - x;
    view.y += held[1] - y;
    show();
  });
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (moves) {
      view.x += moves[0] * view.w;
      view.y += moves[1] * view.h;
      show();
    } else if (event.key === "+" || event.key === "-") zoom(event.key === "-" ? 1.25 : 0.8);
    else return;
    event.preventDefault();
  });
  document.getElementById("zoom-in").addEventListener("click", () => zoom(0.75));
  document.getElementById("zoom-out").addEventListener("click", () => zoom(1 / 0.75));
  document.getElementById("zoom-fit").addEventListener("click", fit);
  fit();

  function mix(share) {
    const place = Math.max(0, Math.min(1, share)) * (facts.colours.length - 1), low = Math.floor(place), high = Math.min(low + 1, facts.colours.length - 1);
    const part = (text, i) => parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
    const channel = (i) => Math.round(part(facts.colours[low], i) + (place - low) * (part(facts.colours[high], i) - part(facts.colours[low], i)));
    return `rgb(${channel(0)}, ${channel(1)}, ${channel(2)})`;
  }

  function colour(name, t) {
    [measure, step] = [name, t];
    let most = 1e-12;  // of all time steps, so that the slider shows what falls
    for (const p of facts.populations) for (const s of facts.timesteps) most = Math.max(most, p.at[s][name]);
    const shares = !["events_per_neuron"].includes(name);
    most = shares ? Math.min(1, most) : most;
    for (const [index, body] of bodies) {
      body.style.fill = mix(Math.sqrt(value(index) / most));
      nodes.get(index).setAttribute("aria-label", describe({ population: index }).replace(/\n/g, ", "));
    }
    const bar = page.make("i");
    bar.style.background = `linear-gradient(90deg, ${facts.colours.join(", ")})`;
    page.legend.replaceChildren(page.make("span", { text: "0" }), bar, page.make("span", { text: shares ? page.percent(most, 1) : page.number(most) }));
  }

  return {
    colour,
    mark(index) {
      for (const [other, node] of nodes) node.classList.toggle("chosen", other === index);
    },
  };
}
