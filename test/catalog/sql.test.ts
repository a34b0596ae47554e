// The queries that lie in files: a reader can run each as it is, and all but the close ask for what holds by one rule.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clientForFile } from '../support/postgres.ts';

const CATALOG = new URL('../../services/catalog/', import.meta.url);
const client = await clientForFile();

const files = readdirSync(new URL('sql/', CATALOG)).map((name) => ({
  name,
  text: readFileSync(new URL(`sql/${name}`, CATALOG), 'utf8'),
}));
const sources = readdirSync(CATALOG).filter((name) => name.endsWith('.ts'));

test.each(files)('$name says what it does, names each parameter, and Postgres takes it', async ({ name, text }) => {
  expect(name).toMatch(/^[a-z-]+\.sql$/);
  expect(text).toMatch(/^-- \S/);
  const comments = text
    .split('\n')
    .filter((line) => line.startsWith('--'))
    .join('\n');
  const used = new Set(text.replace(comments, '').match(/\$\d+/g));
  expect([...used].filter((parameter) => !comments.includes(parameter))).toEqual([]);
  await client.query(`prepare "${name}" as ${text}`);
});

test('each is asked for by a file of the catalog', () => {
  const code = sources.map((name) => readFileSync(new URL(name, CATALOG), 'utf8')).join('\n');
  expect(files.map(({ name }) => name.replace('.sql', '')).filter((name) => !code.includes(`'${name}'`))).toEqual([]);
});

test('only the close asks whether a version has no end; holds_at() tells everybody else', () => {
  const asking = [...sources.map((name) => ({ name, text: readFileSync(new URL(name, CATALOG), 'utf8') })), ...files]
    .filter(({ text }) => /end_seq is null/.test(text))
    .map(({ name }) => name);
  expect(asking).toEqual(['close.ts', 'stage-below.sql']);
});
