// Keeps the page itself, so that it opens without a network. The API's answers are never kept.
// The view puts FILES, the addresses of the page's files, and VERSION before this.

const { FILES, VERSION, PAGE } = self.KEPT;
const PREFIX = "page ";
const CACHE = PREFIX + VERSION;
const PATIENCE_MS = 4000; // before the kept page is shown in place of one that does not come

/** Keeps the page and its files, which belong together. */
async function install() {
  const page = await fetch(PAGE, { cache: "reload" });
  const text = await page.clone().text();
  // A page of another deployment names other files; the browser tries again at the next visit.
  if (!page.ok || !FILES.every((file) => text.includes(file))) throw new Error("not this version");
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES);
  await cache.put(PAGE, page);
  await self.skipWaiting(); // an open page has loaded all of its files
}

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** The site's page, so that a new one is seen at once; the kept one if the site does not answer. */
async function page(request) {
  const kept = await caches.match(PAGE, { cacheName: CACHE });
  if (!kept) return fetch(request);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  const fetched = fetch(request).then((response) => (response.status < 500 ? response : kept));
  return Promise.race([fetched, late]).catch(() => kept);
}

/** A file of the page; its name changes with its content. */
const file = async (request) =>
  (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && pathname === PAGE) event.respondWith(page(request));
  else if (FILES.includes(pathname)) event.respondWith(file(request));
});
