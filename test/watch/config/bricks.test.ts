// GlusterFS volumes in rollcall.yaml: the bricks on a host in either spelling, and what is wrong with them.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { differences } from '../../../services/watch/config/difference.ts';
import { placesHere } from '../../../services/watch/config/places.ts';
import { configurationText } from '../../../services/watch/config/text.ts';
import { temporaryDirectory } from '../../support/tree.ts';
import { configuration, problems } from './school.ts';

const on = (fields: string, more = ''): string =>
  `volumes:\n  school: { ${fields}, backups: [nightly] }\n${more}backups:\n  nightly: { host: vault, pattern: /backup/*/data }\n`;

test.each([
  ['a list', 'bricks: [/b2/data, /b1/data]'],
  ['the spelling of commands', "path: 'gluster:/b1/data,/b2/data'"],
  ['with the host of the volume', 'host: files, bricks: [files:/b1/data, /b2/data]'],
  ['with a slash at their end', 'bricks: [/b1/data/, /b2/data/]'],
])('bricks are one volume: %s', (_, fields) => {
  expect(configuration(on(fields)).volumes).toMatchObject([
    { host: 'files', path: 'gluster:/b1/data,/b2/data', layout: 'gluster' },
  ]);
});

test('bricks that all name one host are on that host, and what config prints means the same', () => {
  const found = configuration(on('bricks: [store:/b1/data, store:/b2/data]'));
  expect(found.volumes).toMatchObject([{ host: 'store', path: 'gluster:/b1/data,/b2/data' }]);
  expect(configuration(on("path: 'gluster:store:/b1/data,store:/b2/data'"))).toEqual(found);
  const text = configurationText(found);
  expect(text).toContain('bricks:\n      - /b1/data\n      - /b2/data');
  expect(configuration(text)).toEqual(found);
});

test('a brick that was added is a change of the same volume, in the words of the file', () => {
  const before = configuration(on('bricks: [/b1/data, /b2/data]'));
  const after = configuration(on('bricks: [/b1/data, /b2/data, /b3/data]'));
  expect(differences(before, after)).toMatchObject([
    {
      change: 'changed',
      name: 'school',
      fields: [{ field: 'bricks', before: '[/b1/data, /b2/data]', after: '[/b1/data, /b2/data, /b3/data]' }],
    },
  ]);
  const renamed = configuration(on('bricks: [/b1/data, /b2/data]').replace('school:', 'uni:'));
  expect(differences(before, renamed)).toContainEqual(expect.objectContaining({ name: 'uni', renamedFrom: 'school' }));
});

test.each([
  ['neither path nor bricks', 'host: files', '2:3 volumes.school: path is missing'],
  ['both', 'path: /srv, bricks: [/b1]', '2:19 volumes.school.path: write its path or its bricks, not both'],
  ['no brick', 'bricks: []', '2:21 volumes.school.bricks: it is empty'],
  ['a relative brick', 'bricks: [b1]', expect.stringContaining('bricks[0]: write the path of a brick from the root')],
  ['a brick twice', 'bricks: [/b1, /b1]', expect.stringContaining('listed twice')],
  ['a comma', 'bricks: ["/b1,x"]', expect.stringContaining('without a comma')],
  ['a relative brick in a path', "path: 'gluster:/b1,b2'", expect.stringContaining('path of each brick')],
  ['what is said of mounts', 'bricks: [/b1], bricks_rescued: true', expect.stringContaining('leave it out')],
  [
    'a brick on another host',
    'bricks: [/b1, vault:/b2]',
    expect.stringMatching(/bricks\[1\]: it lies on vault, .*Watch each host with the bricks that lie there/),
  ],
])('is refused: %s', (_, fields, said) => {
  expect(problems(on(fields))).toEqual([said]);
});

test('two volumes share no brick, and neither backups nor bundles are on one', () => {
  const two = on('bricks: [/b1, /b2]', '  uni: { bricks: [/b2, /b3], backups: [] }\n');
  expect(problems(two)).toEqual([
    expect.stringContaining('volumes.uni.bricks: school already has one of these bricks'),
  ]);
  expect(problems(`bundles: /b2/bundles\n${on('bricks: [/b1, /b2]')}`)).toEqual([
    expect.stringContaining('inside school'),
  ]);
  const beside = on('bricks: [/b1, /backup/one/data]').replace('host: vault, ', '');
  expect(problems(beside)).toEqual([expect.stringContaining('it matches /backup/one/data, which is the live volume')]);
});

test('bricks of this machine are looked at: links are refused, and one that is away is said', () => {
  const base = temporaryDirectory('rollcall-bricks-');
  mkdirSync(join(base, 'b1'));
  symlinkSync('b1', join(base, 'link'));
  const found = placesHere(configuration(on(`bricks: [${base}/b1, ${base}/link, ${base}/gone]`)), 'files');
  expect(found.problems.map(({ message }) => message)).toEqual([
    `${base}/link: a symbolic link is on the way; write where it leads: ${base}/b1`,
  ]);
  expect(found.notes).toEqual([`school: the brick ${base}/gone does not exist on files now.`]);
});
