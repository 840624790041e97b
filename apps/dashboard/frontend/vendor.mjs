// Copies what the browser needs from node_modules to static/dist, with the licences. Run by `npm run vendor`.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const modules = "node_modules";
const dist = "static/dist";
const icons = [
  "activity", "bell", "chevron-down", "chevron-right", "circle-alert", "clock", "copy", "eye", "history", "keyboard",
  "layers", "layout-dashboard", "list-checks", "log-out", "monitor", "moon", "octagon-x", "plus", "refresh-cw",
  "search", "settings", "shield", "sun", "undo-2", "user", "wallet", "wifi", "wifi-off", "x",
];
const files = {
  "htmx.org/dist/htmx.min.js": "htmx.min.js",
  "idiomorph/dist/idiomorph-ext.min.js": "idiomorph-ext.min.js",
  "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
};
const licences = {
  "htmx": "htmx.org/LICENSE",
  "idiomorph": "idiomorph/LICENSE",
  "Inter": "@fontsource-variable/inter/LICENSE",
  "Lucide": "lucide-static/LICENSE",
  "daisyUI": "daisyui/LICENSE",
  "Tailwind CSS": "tailwindcss/LICENSE",
};

function symbol(name) {
  const svg = readFileSync(`${modules}/lucide-static/icons/${name}.svg`, "utf8");
  const body = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.indexOf("</svg>")).replace(/\s+/g, " ").trim();
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" ` +
    `stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
}

mkdirSync(dist, { recursive: true });
for (const [source, target] of Object.entries(files)) copyFileSync(`${modules}/${source}`, `${dist}/${target}`);
writeFileSync(
  `${dist}/icons.svg`,
  `<!-- Lucide, ISC licence: see LICENSES.txt -->\n<svg xmlns="http://www.w3.org/2000/svg">\n${icons.map(symbol).join("\n")}\n</svg>\n`,
);
writeFileSync(
  `${dist}/LICENSES.txt`,
  Object.entries(licences)
    .map(([name, path]) => `${"=".repeat(78)}\n${name}\n${"=".repeat(78)}\n${readFileSync(`${modules}/${path}`, "utf8").trim()}\n`)
    .join("\n"),
);
