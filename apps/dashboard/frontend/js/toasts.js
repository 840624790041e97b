// Short messages: seen in a corner, heard in the live region.

export function say(text) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = text;
}

export function toast(text, { action, perform, seconds = 6 } = {}) {
  const box = document.getElementById("toasts");
  if (!box) return;
  const card = document.createElement("div");
  card.className = "panel shadow-lg px-4 py-2.5 flex items-center gap-3";
  const words = document.createElement("span");
  words.className = "flex-1 min-w-0";
  words.textContent = text;
  card.append(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm touch";
    button.textContent = action;
    button.addEventListener("click", () => {
      card.remove();
      perform();
    });
    card.append(button);
  }
  box.append(card);
  while (box.children.length > 4) box.firstElementChild.remove();
  setTimeout(() => card.remove(), seconds * 1000);
  say(text);
}
