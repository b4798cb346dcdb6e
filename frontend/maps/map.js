// Draws a map of `data.box` (west, south, east, north in degrees); a pickable one sets the state `place` by a click.
const NAMESPACE = "http://www.w3.org/2000/svg";
// Pixels: a map to click on leaves room for the form, one to look at may fill the screen.
const MOST_HEIGHT = { pickable: 300, plain: 520 };
const STEPS = [0.5, 1, 2, 5, 10, 20, 30, 60];

function element(name, attributes, parent) {
  const node = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (parent) parent.appendChild(node);
  return node;
}

// Degrees of longitude shrink towards the poles: one factor, that of the middle latitude, serves the whole map.
// The map is as wide as its place, and no higher than fits a screen: it then shows more than `box` at its sides.
function projection([west, south, east, north], width, most) {
  const shrink = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const height = Math.min(((north - south) * width) / ((east - west) * shrink), most);
  const scale = height / (north - south);
  const left = (west + east) / 2 - width / (2 * shrink * scale);
  return {
    width,
    height,
    left,
    right: left + width / (shrink * scale),
    x: (longitude) => (longitude - left) * shrink * scale,
    y: (latitude) => (north - latitude) * scale,
    longitude: (x) => left + x / (shrink * scale),
    latitude: (y) => north - y / scale,
  };
}

function drawGrid(svg, [, south, , north], at) {
  const step = STEPS.find((size) => (at.right - at.left) / size <= 9) ?? 90;
  for (let x = Math.ceil(at.left / step) * step; x < at.right; x += step) {
    element("line", { class: "grid", x1: at.x(x), x2: at.x(x), y1: 0, y2: at.height }, svg);
    element("text", { x: at.x(x) + 4, y: at.height - 6 }, svg).textContent = `${Math.abs(x)}° ${x < 0 ? "W" : "E"}`;
  }
  for (let y = Math.ceil(south / step) * step; y < north; y += step) {
    element("line", { class: "grid", y1: at.y(y), y2: at.y(y), x1: 0, x2: at.width }, svg);
    if (at.y(y) > 20 && at.y(y) < at.height - 20) {
      element("text", { x: 6, y: at.y(y) - 4 }, svg).textContent = `${Math.abs(y)}° ${y < 0 ? "S" : "N"}`;
    }
  }
}

// What lies outside the bounds of the model is dimmed.
function dim(svg, [west, , east], at) {
  element("rect", { class: "outside", x: 0, y: 0, width: Math.max(0, at.x(west)), height: at.height }, svg);
  const start = at.x(east);
  element("rect", { class: "outside", x: start, y: 0, width: Math.max(0, at.width - start), height: at.height }, svg);
}

function draw(svg, data, width) {
  const at = projection(data.box, width, data.pickable ? MOST_HEIGHT.pickable : MOST_HEIGHT.plain);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${at.width} ${at.height}`);
  for (const ring of data.land) {
    const points = ring.map(([x, y]) => `${at.x(x).toFixed(1)},${at.y(y).toFixed(1)}`).join(" ");
    element("polygon", { class: "land", points }, svg);
  }
  if (data.pickable) dim(svg, data.box, at);
  drawGrid(svg, data.box, at);
  for (const mark of data.marks) {
    const look = mark.colour ? { class: "value", fill: mark.colour, r: 3.2 } : { class: "mark", r: 5 };
    const dot = element("circle", { ...look, cx: at.x(mark.longitude), cy: at.y(mark.latitude) }, svg);
    element("title", {}, dot).textContent = mark.text;
  }
  if (data.chosen) {
    const place = { cx: at.x(data.chosen[0]), cy: at.y(data.chosen[1]) };
    element("circle", { class: "halo", r: 15, ...place }, svg);
    element("circle", { class: "chosen", r: 6.5, ...place }, svg);
  }
  return at;
}

function drawLegend(root, legend) {
  root.querySelector(".legend")?.remove();
  if (!legend) return;
  const box = document.createElement("div");
  box.className = "legend";
  for (const text of [legend.title, legend.low, null, legend.high]) {
    const part = document.createElement("span");
    if (text === null) {
      part.className = "ramp";
      part.style.background = `linear-gradient(to right, ${legend.ramp.join(", ")})`;
    } else {
      part.textContent = text;
    }
    box.appendChild(part);
  }
  root.appendChild(box);
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".map");
  const label = data.pickable ? "Map: click to set longitude and latitude" : "Map of the results";
  const svg = root.querySelector("svg") ?? element("svg", { role: "img", "aria-label": label }, root);
  svg.classList.toggle("pickable", data.pickable);
  drawLegend(root, data.legend);
  const [west, south, east, north] = data.box;
  let at;
  const redraw = () => {
    if (root.clientWidth > 0) at = draw(svg, data, root.clientWidth);
  };
  redraw();
  const observer = new ResizeObserver(redraw);
  observer.observe(root);
  svg.onclick = !data.pickable ? null : (event) => {
    const frame = svg.getBoundingClientRect();
    const scale = at.width / frame.width;
    const longitude = clamp(at.longitude((event.clientX - frame.left) * scale), west, east);
    const latitude = clamp(at.latitude((event.clientY - frame.top) * scale), south, north);
    setStateValue("place", { longitude: Number(longitude.toFixed(2)), latitude: Number(latitude.toFixed(2)) });
  };
  return () => {
    observer.disconnect();
    svg.onclick = null;
  };
}
