// Live cells: elements that name what they show (data-price, data-change, data-key) and are patched in place.

import { NOTHING, direction, plain, signed } from "./format.js";

const values = { prices: {}, pnl: {} };
let cells = new Map();
let feedIsStale = false;

function remember(key, element) {
  const found = cells.get(key);
  if (found) found.push(element);
  else cells.set(key, [element]);
}

// Called after anything on the page was replaced: finds the cells and brings them to the newest values.
export function index() {
  cells = new Map();
  for (const element of document.querySelectorAll("[data-price]")) remember(`price:${element.dataset.price}`, element);
  for (const element of document.querySelectorAll("[data-change]")) remember(`change:${element.dataset.change}`, element);
  for (const element of document.querySelectorAll("[data-key]")) remember(`pnl:${element.dataset.key}`, element);
  for (const element of document.querySelectorAll("[data-meter]")) remember(`meter:${element.dataset.meter}`, element);
  for (const [id, price] of Object.entries(values.prices)) showPrice(id, price, false);
  for (const [key, amount] of Object.entries(values.pnl)) showAmount(key, amount, false);
  showStale();
}

function flash(element, rose) {
  element.classList.remove("flash-up", "flash-down");
  void element.offsetWidth; // restarts the animation
  element.classList.add(rose ? "flash-up" : "flash-down");
}

function put(element, text, { flashes, rose }) {
  if (element.textContent === text) return;
  element.textContent = text;
  if (flashes) flash(element, rose);
}

function paint(element, tone) {
  element.classList.toggle("up", tone === "up");
  element.classList.toggle("down", tone === "down");
}

function isHigher(now, before) {
  return Number(now) >= Number(before ?? now); // only the colour of a flash depends on it
}

function showPrice(id, price, flashes) {
  const rose = isHigher(price.last_price, values.prices[id]?.last_price);
  const text = price.last_price === null ? NOTHING : plain(price.last_price);
  for (const element of cells.get(`price:${id}`) ?? []) put(element, text, { flashes, rose });
  for (const element of cells.get(`change:${id}`) ?? []) {
    if (price.change_percent === null || price.change_percent === undefined) continue;
    put(element, `${signed(price.change_percent)}%`, { flashes: false });
    paint(element, direction(price.change_percent));
  }
}

function showAmount(key, amount, flashes) {
  const rose = isHigher(amount, values.pnl[key]);
  for (const element of cells.get(`pnl:${key}`) ?? []) {
    put(element, signed(amount), { flashes: flashes && key.startsWith("trade:"), rose }); // calm: totals move without a flash
    paint(element, direction(amount));
  }
  for (const meter of cells.get(`meter:${key}`) ?? []) meter.value = Math.max(-Number(amount), 0);
}

function isStale(id) {
  return feedIsStale || Boolean(values.prices[id]?.stale);
}

function showStale() {
  for (const element of document.querySelectorAll("[data-price]")) {
    if (feedIsStale || element.dataset.price in values.prices) element.classList.toggle("is-stale", isStale(element.dataset.price));
    element.classList.toggle("is-frozen", Boolean(values.prices[element.dataset.price]?.frozen));
  }
  for (const element of document.querySelectorAll("[data-legs]")) {
    element.classList.toggle("is-stale", element.dataset.legs.trim().split(/\s+/).some(isStale));
  }
  for (const element of document.querySelectorAll("[data-totals]")) element.classList.toggle("is-stale", feedIsStale || anyLegStale());
}

function anyLegStale() {
  return [...document.querySelectorAll("[data-legs]")].some((element) => element.classList.contains("is-stale"));
}

export function setFeedStale(stale) {
  if (stale === feedIsStale) return;
  feedIsStale = stale;
  showStale();
}

export function apply({ prices = {}, pnl = {} }, { flashes = true } = {}) {
  let staleChanged = false;
  for (const [id, price] of Object.entries(prices)) {
    const next = { ...values.prices[id], ...price };
    staleChanged ||= next.stale !== values.prices[id]?.stale || next.frozen !== values.prices[id]?.frozen;
    showPrice(id, next, flashes);
    values.prices[id] = next;
  }
  for (const [key, amount] of Object.entries(pnl)) {
    showAmount(key, amount, flashes);
    values.pnl[key] = amount;
  }
  if (staleChanged) showStale();
}

export function replaceAll(snapshot) {
  values.prices = {};
  values.pnl = {};
  apply(snapshot, { flashes: false });
  showStale();
}

export function amountOf(key) {
  return values.pnl[key];
}
