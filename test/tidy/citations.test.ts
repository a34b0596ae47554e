// A rule that a comment names can be read in this repository, and a link on a page leads somewhere.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root, sources } from './sources.ts';

const CITATION = /(?:\S*\/)?design\.md(?:#[\w-]+)?/g;

/** The anchors of a page: those that are set by hand, and one for each heading, as GitHub makes them. */
function anchors(page: string): Set<string> {
  const text = readFileSync(join(root, page), 'utf8');
  const byHand = [...text.matchAll(/<a id="([\w-]+)"><\/a>/g)].map((match) => match[1] ?? '');
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set([...byHand, ...headings]);
}

describe('citations', () => {
  test('whoever cites the design names an anchor that it has', () => {
    const known = anchors('docs/design.md');
    const wrong: string[] = [];
    for (const { path, lines } of sources(/(\.(ts|mjs|sql|sh)|^rollcall)$/)) {
      if (path === 'test/tidy/citations.test.ts') continue;
      for (const [index, line] of lines.entries()) {
        for (const [cited] of line.matchAll(CITATION)) {
          const anchor = /docs\/design\.md#(.+)$/.exec(cited)?.[1];
          if (anchor === undefined || !known.has(anchor)) wrong.push(`${path}:${index + 1}: ${cited}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('a link on a page leads to a file, and to a heading of it', () => {
    const wrong: string[] = [];
    for (const { path, text } of sources(/\.md$/)) {
      for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (link === undefined || /^[a-z]+:/.test(link)) continue;
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? path : join(dirname(path), file);
        if (!existsSync(join(root, target))) wrong.push(`${path}: ${link}`);
        else if (anchor !== undefined && !anchors(target).has(anchor)) wrong.push(`${path}: ${link}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('a file that a page names is there', () => {
    const wrong: string[] = [];
    for (const { path, text } of sources(/\.md$/)) {
      for (const [, named] of text.matchAll(/`((?:bench|cli|docs|domain|migrations|services|test)\/[\w./-]+)`/g)) {
        if (named !== undefined && !named.includes('VERB') && !existsSync(join(root, named)))
          wrong.push(`${path}: ${named}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('an anchor stands once', () => {
    const text = readFileSync(join(root, 'docs/design.md'), 'utf8');
    const all = [...text.matchAll(/<a id="([\w-]+)">/g)].map((match) => match[1]);
    expect(all.filter((anchor, index) => all.indexOf(anchor) !== index)).toEqual([]);
  });

  test('each decision has a page of its own, with its date, and is listed', () => {
    const listed = readFileSync(join(root, 'docs/decisions/README.md'), 'utf8');
    const wrong = readdirSync(join(root, 'docs/decisions')).filter((name) => {
      if (name === 'README.md') return false;
      const date = /^(\d{4}-\d\d-\d\d)-[a-z0-9-]+\.md$/.exec(name)?.[1];
      const [title = '', ...rest] = readFileSync(join(root, 'docs/decisions', name), 'utf8').split('\n');
      return (
        date === undefined ||
        !rest.join('\n').trimStart().startsWith(`Decided ${date}.`) ||
        !listed.includes(`- [${title.replace('# ', '')}](${name})`)
      );
    });
    expect(wrong).toEqual([]);
  });
});
