// Adding, removing and bringing back: the answer is the new list and what to say about it.

import * as cells from "./cells.js";
import { toast } from "./toasts.js";

function token() {
  return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
}

async function send(url) {
  const answer = await fetch(url, { method: "POST", credentials: "same-origin", headers: { "X-CSRFToken": token() } }).catch(() => null);
  if (!answer?.ok) {
    toast("That did not work. Load the page again.");
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("watchlist");
  const { said, undo } = fresh.dataset;
  delete fresh.dataset.said;
  delete fresh.dataset.undo;
  const list = document.getElementById("watchlist");
  if (list) window.Idiomorph.morph(list, fresh, { morphStyle: "outerHTML" });
  cells.index();
  toast(said, undo ? { action: "Undo", perform: () => send(undo), seconds: 10 } : {});
}

export function start() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-post]");
    if (button) send(button.dataset.post);
  });
}
