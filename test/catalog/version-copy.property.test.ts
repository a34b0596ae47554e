// What is packed on the way into the catalog comes out as it was: through the view that everybody reads, and through
// the rows that a scan asks for.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { knownRows } from '../../services/catalog/known.ts';
import { AttributeIds } from '../../services/catalog/rows.ts';
import { beginScan } from '../../services/catalog/scans.ts';
import { loadScanContext } from '../../services/catalog/scan-context.ts';
import { VersionCopy } from '../../services/catalog/version-copy.ts';
import type { Version } from '../../domain/version.ts';
import { scanToBegin } from '../support/begin.ts';
import { clientForFile } from '../support/postgres.ts';
import { allVersions, newVolume } from './drive.ts';

const client = await clientForFile();

const EDGES = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 32n + 5n, 2n ** 53n - 1n];
const times = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, -(2n ** 63n) + 1n, 2n ** 63n - 1n, 1_700_000_000_123_456_789n),
  fc.bigInt({ min: 1_600_000_000_000_000_000n, max: 1_600_000_003_000_000_000n }),
);
const numbers = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: 2n ** 40n }));

const versions: fc.Arbitrary<Version> = fc
  .record({
    kind: fc.constantFrom('file', 'directory', 'symlink', 'char-device'),
    size: numbers.map(Number),
    digest: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    zeroFrom: fc.constantFrom('size', 'nothing', 'some'),
    readsItself: fc.boolean(),
    inode: numbers,
    mtimeNs: times,
    ctimeNs: fc.option(times),
    btimeNs: fc.option(times),
    nlink: fc.constantFrom(0, 1, 2, 65_000),
    suspect: fc.boolean(),
    racy: fc.boolean(),
    target: fc.constantFrom('', String.raw`to\x0a\\there`, 'ü'.repeat(1_000)),
    rdev: numbers,
    endReason: fc.constantFrom(null, 'changed', 'vanished', 'excluded', 'root removed'),
    mode: fc.constantFrom(0, 0o644, 0o7777),
    uid: fc.constantFrom(0, 1_000, 2 ** 32 - 2),
  })
  .map(({ readsItself, zeroFrom, size, digest, ctimeNs, btimeNs, endReason, target, rdev, ...given }): Version => {
    const isFile = given.kind === 'file';
    const read = isFile ? digest : null;
    const looks = { size, nothing: null, some: Math.floor(size / 2) }[zeroFrom];
    return {
      ...given,
      gid: given.uid,
      firstSeq: 5n,
      endSeq: endReason === null ? null : 9n,
      endReason,
      size: isFile ? size : null,
      digest: read,
      zeroFrom: read === null ? null : looks,
      readSeq: read === null ? null : readsItself ? 5n : 6n,
      ctimeNs: ctimeNs ?? given.mtimeNs,
      btimeNs: btimeNs ?? ctimeNs ?? given.mtimeNs,
      target: given.kind === 'symlink' ? target : null,
      rdev: given.kind === 'char-device' ? rdev : null,
    };
  });

test('any version comes out of the catalog as it went in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(versions, { minLength: 1, maxLength: 40 }), async (all) => {
      const volume = await newVolume(client, 'live');
      const attributes = new AttributeIds();
      await attributes.resolve(client, all);
      const copy = new VersionCopy();
      all.forEach((version, at) => {
        const name = at % 2 === 0 ? `name ${at}` : Buffer.from(`name ${at}`);
        copy.add(version, { root: volume.rootId, directory: 0, attribute: attributes.id(version), name });
      });
      await copy.write(client);
      const expected = all.map((version, at) => [`name ${at}`, version] as const).sort(([a], [b]) => (a < b ? -1 : 1));
      const found = await allVersions(client, volume);
      expect(found.map(({ path, ...version }) => [path, version])).toEqual(expected);
      const begin = scanToBegin({ ...volume, seq: 7n, path: '/volume', mode: 'read' });
      const scanId = await beginScan(client, begin);
      if (scanId === null) throw new Error('no other scan runs');
      const context = await loadScanContext(client, scanId, volume);
      const known = (await knownRows(client, context, [0], null)).get(0) ?? new Map();
      expect([...known].map(([name, { now }]) => [name, now]).sort(([a], [b]) => (a < b ? -1 : 1))).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});
