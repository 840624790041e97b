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

function openDialog(url) {
  const dialog = document.getElementById("dialog");
  const body = document.getElementById("dialog-body");
  body.dataset.address = url;
  body.replaceChildren(skeleton());
  if (!dialog.open) dialog.showModal();
  window.htmx.ajax("GET", url, { target: "#dialog-body", swap: "innerHTML" }).catch(() => null); // onFailure tells
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

function alert(text) {
  const made = document.createElement("p");
  made.className = "text-error";
  made.setAttribute("role", "alert");
  made.textContent = text;
  return made;
}

function button(text, kind, mark, value) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `btn touch ${kind}`;
  made.textContent = text;
  made.setAttribute(mark, value);
  return made;
}

// What is shown instead of a dialog that could not be fetched.
function unloaded(url) {
  const box = document.createElement("div");
  box.className = "p-5 grid gap-4";
  const buttons = document.createElement("div");
  buttons.className = "flex gap-2 justify-end";
  buttons.append(button("Close", "btn-quiet", "data-close", ""), button("Try again", "btn-quiet", "data-dialog", url));
  box.append(alert("This could not be loaded. Nothing was asked for yet."), buttons);
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

// The key in the form is the same when it is sent again: whatever the lost answer was, nothing is done twice.
function onFailure(event) {
  const form = event.target.closest("form[data-once]");
  const body = document.getElementById("dialog-body");
  if (!form) {
    if (event.detail.target === body) body.replaceChildren(unloaded(body.dataset.address));
    return;
  }
  delete form.dataset.sent;
  for (const confirm of form.querySelectorAll("[data-confirm]")) confirm.disabled = false;
  form.querySelector("[data-unanswered]")?.remove();
  const told = alert("The platform did not confirm it; it may have been carried out. Press again: it is never done twice.");
  told.dataset.unanswered = "";
  told.className += " px-4 pb-3";
  form.querySelector("[data-confirm]")?.parentElement.before(told);
}

// Whoever was signed out meanwhile gets the sign-in page whole, not inside a dialog.
function onAnswer(event) {
  if (!new URL(event.detail.xhr.responseURL || window.location.href).pathname.startsWith("/login")) return;
  event.detail.shouldSwap = false;
  window.location.reload();
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
  document.body.addEventListener("htmx:timeout", onFailure);
  document.body.addEventListener("htmx:beforeSwap", onAnswer);
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
