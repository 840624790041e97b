// Keys: "/" finds an instrument, "?" shows the sheet, "g d", "g t", "g o" go places. Never inside a field, never on repeat.

import { openHelp, openSearch } from "./dialogs.js";

const PLACES = { d: "/", t: "/trades/", o: "/orders/", p: "/positions/", l: "/holdings/", f: "/funds/", h: "/history/" };
const CHORD_MS = 1200;
let chordUntil = 0;

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function onFound(event) {
  const list = document.getElementById("search-found");
  const items = [...(list?.querySelectorAll("button") ?? [])];
  if (!items.length || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  const at = items.indexOf(document.activeElement);
  if (event.key === "Enter" && at < 0) {
    event.preventDefault();
    items[0].click();
    return;
  }
  if (event.key === "Enter") return;
  event.preventDefault();
  const next = event.key === "ArrowDown" ? at + 1 : at - 1;
  if (next < 0) document.getElementById("search-text").focus();
  else items[Math.min(next, items.length - 1)].focus();
}

function onKey(event) {
  if (event.target.closest("#search")) onFound(event);
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    event.preventDefault();
    openSearch();
  } else if (event.key === "?") {
    openHelp();
  } else if (event.key === "g") {
    chordUntil = Date.now() + CHORD_MS;
  } else if (Date.now() < chordUntil && PLACES[event.key]) {
    window.location.assign(PLACES[event.key]);
  }
}

export function start() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("submit", (event) => {
    if (event.target.closest("[data-search-form]")) event.preventDefault();
  });
}
