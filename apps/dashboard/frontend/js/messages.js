// Marking messages read, from a toast or from the list.

import * as parts from "./parts.js";

function token() {
  return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
}

export async function markRead(id) {
  const headers = { "X-CSRFToken": token(), "HX-Request": "true" };
  const body = new URLSearchParams(id ? { id } : {});
  await fetch(document.body.dataset.readUrl, { method: "POST", credentials: "same-origin", headers, body }).catch(() => null);
  parts.soon();
}

export function start(forget) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-read]");
    if (!button) return;
    forget(button.dataset.read);
    markRead(button.dataset.read);
  });
}
