// docs/formats.md and docs/json.md name every field that a bundle has, so that whoever adds one writes down what it
// means.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { answerJson } from '../../services/report/json.ts';
import { EVERYTHING } from '../../domain/restore/selection.ts';
import { school } from '../report/school.ts';
import { World } from './world.ts';

const world = new World();
afterEach(() => {
  world.remove();
});

/** Names of fields, at any depth; keys that are verdicts, reasons or other values are not fields. */
function fieldsOf(value: unknown, into = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const each of value) fieldsOf(each, into);
  else if (typeof value === 'object' && value !== null)
    for (const [key, each] of Object.entries(value)) {
      into.add(key);
      if (key !== 'verdicts' && key !== 'directories' && key !== 'leftOut') fieldsOf(each, into);
    }
  return into;
}

it('every field of summary.json, findings.jsonl, manifest.jsonl and assess --json is documented', async () => {
  const from = world.snapshot('s1');
  for (const path of ['gone', 'bad', 'linked', 'copy']) world.write(from, path, `good content of ${path}`);
  world.write(world.live, 'bad', 'bad  content of bad');
  world.write(world.live, 'survivor', 'good content of linked');
  mkdirSync(join(world.live, 'lost+found'));
  world.write(world.live, 'lost+found/#1', 'good content of copy');
  const missing = { verdict: 'missing', from: 's1', liveInode: { inode: 1n, nlink: 1 } } as const;
  world.wrong('gone', missing);
  world.wrong('bad', { verdict: 'corrupt', from: 's1' });
  world.wrong('linked', { ...missing, linkTo: 'survivor' });
  world.wrong('copy', { ...missing, sourcePath: 'lost+found/#1', inTarget: true });
  const { findings } = world;
  const assessment = {
    ...world.assessment(),
    timeline: school().timeline,
    window: { ...world.assessment().window, intervals: school().timeline.slice(0, 1) },
    conditions: [{ code: 'x', text: 'x' }],
    findings: findings.map((finding) => ({
      ...finding,
      between: { lastSeen: 'x', firstGone: 'x' },
      accepted: finding.path === 'gone' ? { reason: 'x', atMs: 1 } : null,
    })),
  };
  const bundle = await world.writeBundle({ assessment, selection: EVERYTHING });
  const read = (name: string): string => readFileSync(join(world.bundle, name), 'utf8');
  const lines = (name: string): unknown[] =>
    read(name)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  const pageOf = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
  const page = pageOf('formats.md');
  const [, findingsPart = '', rest = ''] = page.split(/^## findings\.jsonl.*$|^## manifest\.jsonl$/m);
  const [manifestPart = ''] = rest.split(/^## summary\.json$/m);
  const [, answers = ''] = pageOf('json.md').split(/^## assess, and summary\.json of a bundle$/m);
  const [json = ''] = answers.split(/^## /m);
  const state = page.split('## findings.jsonl')[0] ?? '';
  const absent = (fields: ReadonlySet<string>, ...parts: readonly string[]): string[] =>
    [...fields].filter((field) => !parts.some((part) => new RegExp(`\\b${field}\\b`).test(part)));
  expect(absent(fieldsOf(lines('findings.jsonl')), findingsPart, state)).toEqual([]);
  expect(absent(fieldsOf(lines('manifest.jsonl')), manifestPart, findingsPart, state)).toEqual([]);
  expect(absent(fieldsOf(JSON.parse(read('summary.json'))), json)).toEqual([]);
  expect(absent(fieldsOf(answerJson(assessment, bundle)), json)).toEqual([]);
});
