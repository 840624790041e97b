// The socket: a snapshot, then patches and events. It reconnects with growing waits and rests in hidden tabs.

import * as cells from "./cells.js";
import * as feed from "./feed.js";
import * as parts from "./parts.js";
import { forget, say, toast } from "./toasts.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const REST_AFTER_MS = 60000;
const SIGNED_OUT = 4401;

let socket = null;
let failures = 0;
let timer = 0;
let restTimer = 0;
let isFirst = false; // the next snapshot is the connection's first
let trades = new Map();

function address() {
  const given = document.body.dataset.liveUrl;
  if (given) return given;
  return `${window.location.protocol === "https:" ? "wss" : "ws"}://${window.location.host}/ws/live/`;
}

function nameOf(id) {
  return trades.get(id)?.strategy ?? `Trade ${id}`;
}

const ORDER_TEXT = {
  FILLED: "filled", PARTIALLY_FILLED: "partly filled", REJECTED: "rejected", CANCELLED: "cancelled",
  UNKNOWN: "being checked with the broker", PARKED: "still being checked with the broker", ABSENT: "never reached the broker",
};
const TRADE_TEXT = { OPEN: "is open", EXITING: "is being squared off", CLOSED: "is closed", ENTRY_FAILED: "was not entered" };

function onOrder(data) {
  const text = ORDER_TEXT[data.status];
  if (text) say(`${nameOf(data.trade)}: order ${text}, ${data.filled} of ${data.quantity}. ${data.reason ?? ""}`);
  parts.soon();
}

function onTrade(data) {
  const text = TRADE_TEXT[data.status];
  if (text) say(`${nameOf(data.id)} ${text}.`);
  parts.soon();
}

// A message is shown once: the server sends it to every socket of the person, and this page has one.
function onNotice(data) {
  if (data.code === "NOTIFICATION") toast(data.text, { level: data.level, id: data.id });
  if (data.code === "READ") forget(data.id);
  if (data.code === "HALT") say("A halt was set or released.");
  parts.soon();
}

const handlers = {
  snapshot(message) {
    trades = new Map(message.trades.map((trade) => [trade.id, trade]));
    cells.replaceAll(message);
    feed.update(message.feed);
    document.body.dataset.connected = "";
    if (isFirst) parts.soon(); // whatever happened since the page was rendered, or while the socket was away
    isFirst = false;
  },
  patch(message) {
    cells.apply(message);
    if (message.feed) feed.update(message.feed);
  },
  trade: (message) => onTrade(message.data),
  order: (message) => onOrder(message.data),
  feed: (message) => feed.update(message.data),
  notice: (message) => onNotice(message.data),
};

function onMessage(event) {
  const message = JSON.parse(event.data);
  handlers[message.type]?.(message);
}

function onClose(event) {
  socket = null;
  delete document.body.dataset.connected;
  if (document.hidden && restTimer === -1) return;
  feed.disconnected();
  if (event.code === SIGNED_OUT) {
    window.location.reload();
    return;
  }
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures) * (0.5 + Math.random() / 2);
  failures += 1;
  clearTimeout(timer);
  timer = setTimeout(connect, wait);
}

function connect() {
  clearTimeout(timer);
  if (socket) return;
  socket = new WebSocket(address());
  socket.addEventListener("open", () => {
    isFirst = true;
    failures = 0;
  });
  socket.addEventListener("message", onMessage);
  socket.addEventListener("close", onClose);
}

function onVisibility() {
  clearTimeout(restTimer);
  if (document.hidden) {
    restTimer = setTimeout(() => {
      restTimer = -1;
      socket?.close(1000);
    }, REST_AFTER_MS);
    return;
  }
  restTimer = 0;
  if (!socket) {
    parts.soon();
    connect();
  }
}

export function start() {
  connect();
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("online", connect);
}
