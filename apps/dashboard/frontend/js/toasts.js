// Short messages: seen in a corner, heard in the live region. Urgent ones stay until somebody has read them.

import { markRead } from "./messages.js";

const SECONDS = { INFO: 6, WARNING: 12 };
const MOST = 4;

export function say(text, urgent = false) {
  const announcer = document.getElementById(urgent ? "alarm" : "announcer");
  if (announcer) announcer.textContent = text;
}

function button(text, perform) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn btn-sm btn-quiet touch";
  made.textContent = text;
  made.addEventListener("click", perform);
  return made;
}

function words(text, urgent) {
  const box = document.createElement("span");
  box.className = "flex-1 min-w-0 break-words";
  if (urgent) {
    const tag = document.createElement("span");
    tag.className = "tag tag-bad mr-1.5";
    tag.textContent = "Urgent";
    box.append(tag);
  }
  box.append(text);
  return box;
}

// Ordinary messages give way first; an urgent one leaves only when it was read here or elsewhere.
function makeRoom(box) {
  while (box.children.length > MOST) (box.querySelector(":scope > :not([data-urgent])") ?? box.firstElementChild).remove();
}

export function toast(text, { action, perform, level = "INFO", id, seconds = SECONDS[level] } = {}) {
  const box = document.getElementById("toasts");
  if (!box) return;
  const urgent = level === "PAGE";
  const card = document.createElement("div");
  card.className = `panel toast-card shadow-lg px-4 py-2.5 flex items-center gap-3${urgent ? " is-urgent" : ""}`;
  if (urgent) card.dataset.urgent = "";
  if (id) card.dataset.note = id;
  card.append(words(text, urgent));
  if (action) card.append(button(action, () => (card.remove(), perform())));
  if (id) card.append(button("Mark read", () => (card.remove(), markRead(id))));
  box.append(card);
  makeRoom(box);
  if (seconds) setTimeout(() => card.remove(), seconds * 1000);
  say(text, urgent);
}

export function forget(id) {
  for (const card of document.querySelectorAll("#toasts [data-note]")) {
    if (!id || card.dataset.note === String(id)) card.remove();
  }
}
