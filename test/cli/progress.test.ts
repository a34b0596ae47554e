// The moving line: it fits, it says what remains, and a dumb terminal gets none.
import { expect, test } from 'vitest';
import { readConfig } from '../../cli/config.ts';
import { type Progress, progressText } from '../../services/report/terminal/progress.ts';
import { columnsOf } from '../../services/report/terminal/text.ts';
import { usedBelow } from '../../services/files/used.ts';

const doing = '/srv/数据/Fotos/2026/Straßenfest/Ordner mit einem langen Namen';
const first: Progress = {
  doing,
  files: 1_000,
  bytes: 5_000_000_000,
  filesExpected: null,
  atMost: { files: 4_000, bytes: 50_000_000_000 },
};

test('whatever the width, the line fits into it and keeps the number of files', () => {
  const slow = { path: 'd/disk.img', size: 4e12, read: 1e9 };
  for (const progress of [first, { ...first, slow }, { ...first, filesExpected: 9_000 }])
    for (let width = 20; width <= 200; width++) {
      const text = progressText(progress, 60_000, width);
      expect(columnsOf(text), text).toBeLessThanOrEqual(width);
      expect(text).toContain('1,000 files');
    }
});

test('a first run says what it takes at most, by what the file system has in use; a later one what is left', () => {
  expect(progressText(first, 60_000)).toMatch(/at most 3 min 00 s left$/);
  // btrfs counts no inodes.
  expect(progressText({ ...first, atMost: { files: null, bytes: 50e9 } }, 60_000)).toMatch(/at most 9 min 00 s left$/);
  expect(progressText({ ...first, filesExpected: 3_000 }, 60_000)).toMatch(/about 2 min 00 s left$/);
  // The end was passed: nobody knows.
  expect(progressText({ ...first, atMost: { files: 10, bytes: 10 } }, 60_000)).not.toContain('left');
  const used = usedBelow('/');
  expect(used?.bytes).toBeGreaterThan(0);
  expect(usedBelow('/nowhere/at all')).toBeNull();
});

test('where rates have no room, what remains has', () => {
  const text = progressText(first, 60_000, 70);
  expect(text).toContain('at most');
  expect(text).not.toContain('files/s');
});

test('a file that takes long is named, with how far it is', () => {
  const text = progressText({ ...first, slow: { path: 'vm/disk.img', size: 2_000_000_000_000, read: 1e9 } }, 60_000);
  expect(text).toMatch(/reading vm\/disk\.img \(1\.00 GB of 2\.00 TB\)$/);
});

test('a terminal that knows no escape codes has no moving line', () => {
  expect(readConfig({ HOME: '/h', TERM: 'dumb' }, undefined).moves).toBe(false);
  expect(readConfig({ HOME: '/h', TERM: 'xterm' }, undefined).moves).toBe(true);
});
