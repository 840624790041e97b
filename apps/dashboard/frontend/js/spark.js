// The day's profit as a small line, sampled while the page is open and kept for the tab's life.

import { amountOf } from "./cells.js";

const EVERY_MS = 5000;
const MOST = 240;

function storageKey(mode) {
  return `spark:${mode}:${new Date().toISOString().slice(0, 10)}`;
}

function load(mode) {
  try {
    const points = JSON.parse(sessionStorage.getItem(storageKey(mode)) ?? "[]");
    return Array.isArray(points) ? points.filter(Number.isFinite) : [];
  } catch {
    return [];
  }
}

function draw(svg, points) {
  const low = Math.min(...points, 0);
  const high = Math.max(...points, 0);
  const tall = high - low || 1;
  const step = 120 / Math.max(points.length - 1, 1);
  const path = points.map((point, at) => `${at ? "L" : "M"}${(at * step).toFixed(1)} ${(29 - ((point - low) / tall) * 28).toFixed(1)}`);
  svg.querySelector("path").setAttribute("d", points.length > 1 ? path.join("") : "");
  const last = points.at(-1) ?? 0;
  svg.classList.toggle("up", last > 0);
  svg.classList.toggle("down", last < 0);
}

function sample(keep) {
  for (const svg of document.querySelectorAll("[data-spark]")) {
    const mode = svg.dataset.spark;
    const points = load(mode);
    const amount = amountOf(`day:${mode}`);
    if (keep && amount !== undefined && amount !== null) {
      points.push(Number(amount));
      sessionStorage.setItem(storageKey(mode), JSON.stringify(points.slice(-MOST)));
    }
    draw(svg, points);
  }
}

export function start() {
  sample(false);
  setInterval(() => sample(!document.hidden), EVERY_MS);
  document.addEventListener("parts-changed", () => sample(false));
}
