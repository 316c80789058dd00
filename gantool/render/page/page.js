
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const HEIGHT = 190, LEFT = 50, RIGHT = 12, TOP = 18, BOTTOM = 22, COLOURS = 6;
  const plots = [];

  // Numbers

  const whole = (value) => Math.round(value).toLocaleString("en");
  const number = (value) => {
    if (value === undefined) return "";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace(/\.?0+e/, "e");
    if (size >= 1e4) return whole(value);
    return String(Number(value.toPrecision(4)));
  };

  function linearTicks(low, high, count) {
    const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((part) => part * power).find((size) => size >= rough) || 10 * power;
    const ticks = [];
    for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index++) ticks.push(index * step);
    return ticks.map((tick) => Number(tick.toPrecision(12)));
  }

  function logTicks(low, high) {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    if (last - first < 1) return linearTicks(low, high, 4).filter((tick) => tick > 0);
    const every = Math.ceil((last - first + 1) / 5), ticks = [];
    for (let power = first; power <= last; power += every) ticks.push(Number(`1e${power}`));
    return ticks;
  }

  // Drawing

  function add(parent, name, attributes, text) {
    const element = document.createElementNS(parent.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  }

  function range(chart, log) {
    const values = chart.curves.flatMap((curve) => curve.points.map((point) => point[1]));
    if (!log) values.push(...chart.around);
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    if (log) return low === high ? [low / 2, high * 2] : [low / 1.1, high * 1.1];
    const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
    return [chart.around.includes(low) ? low : low - room, high + room];
  }

  function draw(plot) {
    const { svg, chart } = plot, log = plot.log.checked;
    const width = Math.max(svg.clientWidth, 200), right = width - RIGHT, bottom = HEIGHT - BOTTOM;
    const last = Math.max(data.last, 1), [low, high] = range(chart, log), scale = log ? Math.log10 : (value) => value;
    const x = (step) => LEFT + (step / last) * (right - LEFT);
    const y = (value) => bottom - ((scale(value) - scale(low)) / (scale(high) - scale(low))) * (bottom - TOP);
    plot.x = x;
    plot.step = (pixel) => ((pixel - LEFT) / (right - LEFT)) * last;
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    for (const tick of log ? logTicks(low, high) : linearTicks(low, high, 5)) {
      add(svg, "line", { class: "grid-line", x1: LEFT, x2: right, y1: y(tick), y2: y(tick) });
      add(svg, "text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, number(tick));
    }
    add(svg, "line", { class: "axis", x1: LEFT, x2: right, y1: bottom, y2: bottom });
    for (const tick of linearTicks(0, last, Math.max(2, Math.min(5, width / 90)))) {
      add(svg, "text", { x: x(tick), y: HEIGHT - 6, "text-anchor": x(tick) > right - 20 ? "end" : "middle" }, whole(tick));
    }
    let before = -99, row = 0;
    for (const mark of data.marks) {
      row = x(mark.step) - before < 16 ? row + 1 : 0;
      before = x(mark.step);
      add(svg, "line", { class: "mark", x1: before, x2: before, y1: TOP, y2: bottom });
      add(svg, "circle", { class: "badge", cx: before, cy: 9 + 15 * row, r: 7.5 });
      add(svg, "text", { x: before, y: 12.5 + 15 * row, "text-anchor": "middle" }, mark.number);
    }
    plot.cursor = add(svg, "line", { class: "cursor", y1: TOP, y2: bottom });
    chart.curves.forEach((curve, index) => {
      const places = curve.points.map(([step, value]) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`);
      add(svg, "path", { class: `s${index % COLOURS}`, d: `M${places.join("L")}` });
      if (places.length <= 12) {
        for (const [step, value] of curve.points) add(svg, "circle", { class: `dot s${index % COLOURS}`, cx: x(step), cy: y(value), r: 3 });
      }
    });
    point(plot, plot.at);
  }

  function nearest(points, step) {
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < step) low = middle + 1; else high = middle;
    }
    return low > 0 && step - points[low - 1][0] <= points[low][0] - step ? points[low - 1] : points[low];
  }

  function point(plot, step) {
    plot.at = step;
    const place = plot.x(Math.min(Math.max(step, 0), data.last));
    plot.cursor.setAttribute("x1", place);
    plot.cursor.setAttribute("x2", place);
    plot.chart.curves.forEach((curve, index) => {
      plot.values[index].textContent = number(nearest(curve.points, step)[1]);
    });
  }

  function legend(plot, box) {
    return plot.chart.curves.map((curve, index) => {
      const entry = box.appendChild(document.createElement("span"));
      entry.className = `s${index % COLOURS}`;
      entry.appendChild(document.createElement("i"));
      entry.appendChild(document.createElement("span")).textContent = `${curve.label} `;
      return entry.appendChild(document.createElement("b"));
    });
  }

  // One step is looked at in all charts: that of the slider, or the one under the pointer.

  const pictures = [...document.querySelectorAll("[data-step]")], slider = document.getElementById("slider");
  const shown = () => (slider ? Number(pictures[slider.value].dataset.step) : data.last);
  const look = (step) => plots.forEach((plot) => point(plot, step));

  for (const figure of document.querySelectorAll("[data-chart]")) {
    const plot = { chart: data.charts[figure.dataset.chart], svg: figure.querySelector("svg"), log: figure.querySelector("input"), at: data.last };
    const values = plot.chart.curves.flatMap((curve) => curve.points.map((pair) => pair[1]));
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    plot.log.checked = !plot.chart.around.length && low > 0 && high / low > 100;
    plot.log.parentElement.hidden = low <= 0;
    plot.values = legend(plot, figure.querySelector(".legend"));
    plot.log.addEventListener("change", () => draw(plot));
    const under = (event) => plot.step(event.clientX - plot.svg.getBoundingClientRect().left);
    plot.svg.addEventListener("pointermove", (event) => look(under(event)));
    plot.svg.addEventListener("pointerleave", () => look(shown()));
    plot.svg.addEventListener("click", (event) => go(under(event)));
    plots.push(plot);
    new ResizeObserver(() => draw(plot)).observe(plot.svg);
    draw(plot);
  }

  // The slider

  function show(index) {
    slider.value = index;
    pictures.forEach((picture, other) => { picture.hidden = other !== Number(slider.value); });
    const said = `Step ${whole(shown())}`;
    document.getElementById("at").textContent = said;
    slider.setAttribute("aria-valuetext", said);
    look(shown());
  }

  function go(step) {
    if (!slider) return;
    const distances = pictures.map((picture) => Math.abs(picture.dataset.step - step));
    show(distances.indexOf(Math.min(...distances)));
  }

  if (slider) {
    const button = document.getElementById("play");
    let timer = 0;
    const stop = () => { clearInterval(timer); timer = 0; button.textContent = "Play"; };
    const tick = () => (Number(slider.value) === pictures.length - 1 ? stop() : show(Number(slider.value) + 1));
    button.addEventListener("click", () => {
      if (timer) return stop();
      if (Number(slider.value) === pictures.length - 1) show(0);
      timer = setInterval(tick, 160);
      button.textContent = "Stop";
    });
    slider.addEventListener("input", () => { stop(); show(slider.value); });
    show(pictures.length - 1);
  }

  // Heat maps

  for (const table of document.querySelectorAll("table.heat")) {
    for (const cell of table.querySelectorAll("td")) {
      const share = Math.max(-1, Math.min(1, Number(cell.textContent) / Number(table.dataset.most)));
      cell.classList.toggle("full", Math.abs(share) > 0.6);
      cell.style.backgroundColor = `rgb(var(--${share < 0 ? "cold" : "warm"}) / ${(Math.abs(share) * 0.85).toFixed(2)})`;
    }
  }
})();
