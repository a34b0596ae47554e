// pg asks at its first import whether it runs on Cloudflare. Where there is no `navigator` (Node 20) it finds out by
// building a Response, which loads Node's whole fetch: about 35 ms of CPU in the main thread and in each worker thread
// (2026-11-23, 2 cores). With a navigator it need not. To be imported before pg.
if (!('navigator' in globalThis)) {
  Object.defineProperty(globalThis, 'navigator', {
    value: { userAgent: `Node.js/${process.version.slice(1)}` },
    configurable: true,
  });
}
