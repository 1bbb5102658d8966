// Texts in the visitor's language: the page holds Django's catalog; without one they stay English.

const catalog = JSON.parse(document.getElementById("catalog")?.textContent ?? "{}");

/** The language of the page, for numbers and dates. */
export const { lang: language } = document.documentElement;

/** Returns a text in the visitor's language; `%(name)s` in it stands for the value of that name. */
export function gettext(text, values = {}) {
  const translated = catalog[text] ?? text;
  return translated.replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);
}

/** "99 %", "7 %", "< 0.1 %"; 100 % and 0 % are for exactly 1 and 0. Never broken. */
export function percent(share) {
  if (share > 0 && share < 0.001) return `<\u00a0${number(0.1)}\u00a0%`;
  if (share < 1 && share > 0.999) return `>\u00a0${number(99.9)}\u00a0%`;
  return `${number(share * 100, share > 0.1 && share < 0.99 ? 0 : 1)}\u00a0%`;
}

const number = (value, decimals = 1) =>
  value.toLocaleString(language, { maximumFractionDigits: decimals });
