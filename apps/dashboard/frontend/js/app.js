// Everything the pages do beyond what the server rendered.

import * as cells from "./cells.js";
import * as dialogs from "./dialogs.js";
import * as feed from "./feed.js";
import { span } from "./format.js";
import * as keyboard from "./keyboard.js";
import * as live from "./live.js";
import * as messages from "./messages.js";
import * as spark from "./spark.js";
import { forget, toast } from "./toasts.js";
import * as watchlist from "./watchlist.js";

function countDown() {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    element.dataset.until ??= String(Date.now() + Number(element.dataset.countdown) * 1000);
    element.textContent = span((Number(element.dataset.until) - Date.now()) / 1000);
  }
}

function countAge() {
  for (const element of document.querySelectorAll("[data-age]")) {
    element.dataset.from ??= String(Date.now() - Number(element.dataset.age) * 1000);
    element.textContent = span((Date.now() - Number(element.dataset.from)) / 1000);
  }
}

async function onCopy(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  toast(`${button.dataset.copy} copied.`, { seconds: 2 });
}

function closeMenus(event) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (event.type === "keydown" ? event.key === "Escape" : !menu.contains(event.target)) menu.open = false;
  }
}

function start() {
  if (!("live" in document.body.dataset)) return;
  dialogs.start();
  keyboard.start();
  cells.index();
  feed.start();
  spark.start();
  watchlist.start();
  messages.start(forget);
  live.start();
  countDown();
  countAge();
  setInterval(() => {
    countDown();
    countAge();
  }, 1000);
  document.addEventListener("click", onCopy);
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", closeMenus);
  document.body.addEventListener("htmx:afterSettle", cells.index);
  document.addEventListener("animationend", (event) => event.target.classList.remove("flash-up", "flash-down"));
}

start();
