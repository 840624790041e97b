// Sections of the page that are fetched again when trades or orders changed: one request, morphed in, focus kept.

import * as cells from "./cells.js";

const QUIET_MS = 120;
let timer = 0;
let running = false;
let again = false;

function morph(markup) {
  const fresh = new DOMParser().parseFromString(markup, "text/html");
  for (const section of document.querySelectorAll("[data-part], [data-page-part], [data-refresh]")) {
    const next = fresh.getElementById(section.id);
    if (!next) continue;
    window.Idiomorph.morph(section, next, { morphStyle: "outerHTML", ignoreActiveValue: true });
    window.htmx.process(document.getElementById(next.id));
  }
  cells.index();
  document.dispatchEvent(new CustomEvent("parts-changed"));
}

async function fetchText(url, headers = {}) {
  const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "text/html", ...headers } });
  if (response.redirected && new URL(response.url).pathname.startsWith("/login")) {
    window.location.reload();
    return "";
  }
  return response.ok ? response.text() : "";
}

// The page's own filter goes along.
function partsAddress(names) {
  const query = new URLSearchParams(window.location.search);
  query.set("show", names.join(","));
  return `${document.body.dataset.partsUrl}?${query}`;
}

// What can be seen of sections that know their own address: nobody looks into a closed dialog.
function opened() {
  return [...document.querySelectorAll("[data-refresh]")].filter((section) => section.closest("dialog")?.open ?? true);
}

async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const names = [...document.querySelectorAll("[data-part]")].map((section) => section.dataset.part);
    if (names.length) morph(await fetchText(partsAddress(names)));
    for (const shown of opened()) morph(await fetchText(shown.dataset.refresh, { "HX-Request": "true" }));
    if (document.querySelector("[data-page-part]")) morph(await fetchText(window.location.href));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // the network is away; the socket says so, too
  } finally {
    running = false;
  }
  if (again) {
    again = false;
    soon();
  }
}

// Many calls are one fetch; a stream of them never puts it off.
export function soon() {
  timer ||= setTimeout(() => {
    timer = 0;
    refresh();
  }, QUIET_MS);
}
