// The chip that says how old prices are, and the banner when they must not be believed.

import * as cells from "./cells.js";

const WORDS = { live: "Live", delayed: "Delayed", frozen: "Frozen", offline: "Offline", closed: "Market closed", away: "Reconnecting" };
let state = "";
let heardAt = null;

function ageText(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function show() {
  const chip = document.querySelector("[data-feed]");
  if (!chip) return;
  const stale = ["delayed", "offline", "away"].includes(state);
  chip.dataset.feed = state === "away" ? "offline" : state;
  chip.querySelector("[data-feed-text]").textContent = WORDS[state] ?? state;
  chip.querySelector("[data-feed-age-text]").textContent = heardAt === null || state === "closed" ? "" : ageText(Date.now() - heardAt);
  const banner = document.querySelector("[data-stale-banner]");
  if (banner) banner.hidden = !stale;
  cells.setFeedStale(stale);
}

export function update(feed) {
  if (feed.state) state = feed.state;
  if (feed.age_ms !== undefined && feed.age_ms !== null) heardAt = Date.now() - feed.age_ms;
  show();
}

export function disconnected() {
  state = "away";
  show();
}

export function start() {
  const chip = document.querySelector("[data-feed]");
  if (!chip) return;
  state = chip.dataset.feed;
  if (chip.dataset.feedAge) heardAt = Date.now() - Number(chip.dataset.feedAge);
  show();
  setInterval(show, 500);
}
