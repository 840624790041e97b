// Figures as text: the server sends plain decimals ("-1234.5"), never floats, and they are never turned into floats.

const MINUS = "\u2212";
export const NOTHING = "\u2013";

export function group(digits) {
  let head = digits.slice(0, -3);
  const parts = [digits.slice(-3)];
  while (head) {
    parts.unshift(head.slice(-2));
    head = head.slice(0, -2);
  }
  return parts.join(",");
}

export function plain(text) {
  if (text === null || text === undefined || text === "") return NOTHING;
  const negative = text.startsWith("-");
  const [whole, fraction = ""] = (negative ? text.slice(1) : text).split(".");
  return `${negative ? MINUS : ""}${group(whole)}.${fraction.padEnd(2, "0")}`;
}

export function direction(text) {
  if (!text || !/[1-9]/.test(text)) return "flat";
  return text.startsWith("-") ? "down" : "up";
}

export function signed(text) {
  const shown = plain(text);
  return direction(text) === "up" ? `+${shown}` : shown;
}

export function span(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(whole / 86400)} d`;
}
