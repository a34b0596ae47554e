// report.html of hostile names in a real browser: what a parser of our own may overlook, the browser does not. No
// script runs, nothing is fetched, and no word becomes an element. A page that holds the same words as they are shows
// first that the traps spring.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../../services/report/page/report.ts';
import { hostileAssessment, hostileInput, hostileWords } from './hostile-report.ts';

const BROWSER = ['chromium', 'google-chrome'].find((name) => spawnSync(name, ['--version']).status === 0);
const MISSING = BROWSER === undefined ? ' (no Chromium here: apt-get install chromium)' : '';

/** Of the page itself; whatever else stands in its document came out of a word. */
const ELEMENTS = new Set(
  'b bdi body br code div figcaption figure g h1 h2 h3 head html i li line meta ol p path pre rect section span style svg table tbody td text tfoot th thead title tr ul wbr'.split(
    ' ',
  ),
);

let server: Server;
let lure = '';
let asked: string[] = [];
let directory = '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rollcall-browser-'));
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  lure = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/**
 * The document as the browser has it when everything that begins by itself is over: elements and attributes as markup,
 * text escaped.
 */
async function documentOf(name: string, page: string): Promise<string> {
  const file = join(directory, `${name}.html`);
  writeFileSync(file, page);
  asked = [];
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
  const quiet = [
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-dev-shm-usage',
  ];
  const profile = `--user-data-dir=${mkdtempSync(join(directory, 'profile-'))}`;
  const child = spawn(
    BROWSER ?? '',
    [...flags, ...quiet, profile, '--virtual-time-budget=3000', '--dump-dom', pathToFileURL(file).href],
    { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, HOME: directory } },
  );
  let dom = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (dom += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await ended;
  clearTimeout(late);
  if (!dom.includes('</html>')) throw new Error(`the browser showed no page: ${dom.slice(0, 200)}`);
  return dom;
}

const titleOf = (dom: string): string => /<title>([^<]*)<\/title>/.exec(dom)?.[1] ?? '';

describe.skipIf(BROWSER === undefined)(`report.html in a browser${MISSING}`, () => {
  test('the words as they are run, fetch and make elements: the traps spring', async () => {
    // Not those that hide all that follows, or lead away from the page.
    const words = hostileWords(lure).filter((word) => !/<!--|refresh|<base|CDATA/.test(word));
    const dom = await documentOf(
      'traps',
      `<!DOCTYPE html><html><head><title>well</title></head><body>${words.join('')}</body></html>`,
    );
    expect(titleOf(dom)).toBe('pwned');
    expect(asked).toEqual(expect.arrayContaining(['/img', '/frame']));
    expect(dom).toContain('<h1>ALL IS WELL</h1>');
  }, 120_000);

  test('in report.html no script runs, nothing is fetched, and no word becomes markup', async () => {
    const assessment = hostileAssessment(lure);
    const page = renderReport(assessment, { ...hostileInput(assessment, lure), program: 'rollcall' });
    // With its policy, and without: one defence must not hide that the other is gone.
    const bare = page.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '');
    expect(bare.length).toBeLessThan(page.length);
    for (const [name, each] of [
      ['report', page],
      ['without-policy', bare],
    ] as const) {
      const dom = await documentOf(name, each);
      expect(asked, name).toEqual([]);
      expect(titleOf(dom), name).toMatch(/^Rollcall: \/srv\//);
      const tags = [...dom.matchAll(/<([a-zA-Z][^\s/>]*)((?:[^<>"]|"[^"]*")*)>/g)];
      expect(tags.length, name).toBeGreaterThan(500);
      expect(
        [...new Set(tags.map(([, element = '']) => element))].filter((element) => !ELEMENTS.has(element)),
        name,
      ).toEqual([]);
      expect(
        tags.filter(([, , rest = '']) => /\s(?:on\w+|href|src|action)=/.test(rest.replaceAll(/"[^"]*"/g, ''))),
        name,
      ).toEqual([]);
      expect(dom, name).not.toMatch(/<!--|<h1>ALL IS WELL/);
      expect(dom, name).toContain('ALL IS WELL');
      // The page was read to its end: nothing in it was hidden.
      expect(dom.length, name).toBeGreaterThan(page.length * 0.8);
    }
  }, 180_000);
});
