// Alert rules and the dashboard: valid, and every metric and label that they ask for is one that Rollcall shows.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { INCIDENT_KINDS } from '../../domain/watch/incident.ts';
import { VOLUME_STATES } from '../../domain/watch/picture.ts';
import { METRIC_NAMES } from '../../services/watch/metrics.ts';

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const prometheus = join(deploy, 'prometheus');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const rulesFile = parse(readFileSync(join(prometheus, 'rollcall.rules.yml'), 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = rulesFile.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync(join(deploy, 'grafana', 'rollcall.json'), 'utf8')) as {
  readonly panels: readonly { readonly id: number; readonly targets: readonly { readonly expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
};
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query)),
];

test('every metric that rules and dashboard ask for exists, and every kind and state that they name', () => {
  const known = new Set<string>(METRIC_NAMES);
  const asked = expressions.flatMap((expr) => expr.match(/\brollcall_\w+/g) ?? []);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
  expect(asked.length).toBeGreaterThan(20);
  const values = (label: string): string[] =>
    expressions.flatMap((expr) =>
      [...expr.matchAll(new RegExp(String.raw`(?<!rollcall_messages\{)\b${label}=~?"([^"]*)"`, 'g'))].flatMap(
        ([, found = '']) => found.split('|'),
      ),
    );
  expect(values('kind').filter((kind) => !INCIDENT_KINDS.some((one) => one === kind))).toEqual([]);
  expect(values('state').filter((state) => !VOLUME_STATES.some((one) => one === state))).toEqual([]);
});

test('each panel is there once, and each alert says what to do', () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, annotations } of rules)
    expect([alert, annotations['summary'], annotations['description']], alert).not.toContain(undefined);
});

const promtool = spawnSync('promtool', ['--version']).status === 0 ? 'promtool' : null;
if (promtool === null) console.warn('skipped: promtool is not installed (Debian: prometheus)');

test.skipIf(promtool === null)('promtool takes the rules, and each alert fires when it should and not before', () => {
  for (const args of [
    ['check', 'rules', 'rollcall.rules.yml'],
    ['test', 'rules', 'rollcall.rules.test.yml'],
  ]) {
    const ran = spawnSync('promtool', args, { cwd: prometheus, encoding: 'utf8' });
    expect(ran.status, ran.stdout + ran.stderr).toBe(0);
  }
});
