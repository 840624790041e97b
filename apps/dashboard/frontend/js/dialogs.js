// Dialogs: the square-off confirmation, the search, the keyboard sheet, the risk disclosure.

function opener(id) {
  return () => {
    const dialog = document.getElementById(id);
    if (dialog && !dialog.open) dialog.showModal();
    return dialog;
  };
}

export function openSearch() {
  const dialog = opener("search")();
  const input = dialog?.querySelector("input");
  input?.focus();
  input?.select();
}

export const openHelp = opener("help");

async function openDialog(url) {
  const dialog = document.getElementById("dialog");
  const body = document.getElementById("dialog-body");
  body.replaceChildren(skeleton());
  dialog.showModal();
  await window.htmx.ajax("GET", url, { target: "#dialog-body", swap: "innerHTML" });
}

function skeleton() {
  const box = document.createElement("div");
  box.className = "p-5 grid gap-3";
  for (let line = 0; line < 4; line += 1) {
    const bar = document.createElement("div");
    bar.className = "skeleton-line";
    box.append(bar);
  }
  return box;
}

function onClick(event) {
  const target = event.target.closest("[data-dialog], [data-open-search], [data-open-help], [data-close], [data-close-link], [data-closes]");
  if (!target) return;
  if (target.dataset.dialog) openDialog(target.dataset.dialog);
  else if ("openSearch" in target.dataset) openSearch();
  else if ("openHelp" in target.dataset) openHelp();
  else if ("closeLink" in target.dataset) {
    const dialog = target.closest("dialog");
    if (!dialog) return;
    event.preventDefault();
    dialog.close();
  } else target.closest("dialog")?.close();
}

function onInput(event) {
  const word = event.target.dataset?.mustMatch;
  if (!word) return;
  const button = event.target.form.querySelector("[data-confirm]");
  if (button) button.disabled = event.target.value.trim().toUpperCase() !== word;
}

// A second click sends nothing: the form is locked until its answer replaced it. The server holds the same line by key.
function onRequest(event) {
  const form = event.target.closest("form[data-once]");
  if (!form) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("[data-confirm]")) button.disabled = true;
}

function onFailure(event) {
  const form = event.target.closest("form[data-once]");
  if (!form) return;
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[data-confirm]")) button.disabled = false;
}

// The focus is placed once, in the turn that shows the content, and never taken from a person who is already typing.
// `autofocus` would do the opposite: htmx honours it when the swap has settled, a moment after the content can be used.
function onSwap(event) {
  if (event.target.id !== "dialog-body") return;
  const wanted = event.target.querySelector("[data-focus], #progress-close");
  if (wanted && !event.target.contains(document.activeElement)) wanted.focus();
}

async function onRisk(event) {
  const form = event.target.closest("[data-risk-form]");
  if (!form) return;
  event.preventDefault();
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" }, credentials: "same-origin" });
  if (answer.ok) document.getElementById("risk").close();
}

export function start() {
  document.addEventListener("click", onClick);
  document.addEventListener("input", onInput);
  document.addEventListener("submit", onRisk);
  document.body.addEventListener("htmx:beforeRequest", onRequest);
  document.body.addEventListener("htmx:responseError", onFailure);
  document.body.addEventListener("htmx:sendError", onFailure);
  document.body.addEventListener("htmx:afterSwap", onSwap);
  for (const dialog of document.querySelectorAll("dialog:not([data-must-answer])")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }
  const risk = document.getElementById("risk");
  if (risk) {
    risk.addEventListener("cancel", (event) => event.preventDefault());
    risk.showModal();
  }
}
