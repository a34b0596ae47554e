// Any churn between scans, and whatever happens to the scans: afterwards the catalog says what lies on disk, and every
// sum adds up.
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { RollcallError } from '../../domain/exit.ts';
import { cases, fc } from '../support/random.ts';
import { Catalog } from '../support/catalog.ts';
import { touch, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

const NAMES = ['a', 'b', 'c', 'd'] as const;
const path = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));

/** meanwhile: the changes that follow come while it runs. */
const WAYS = ['plain', 'reread', 'interrupted', 'twice', 'meanwhile', 'meanwhile'] as const;

type Step =
  | { readonly act: 'write' | 'remove' | 'directory' | 'chmod' | 'append'; readonly at: string }
  | { readonly act: 'rename' | 'link' | 'symlink'; readonly at: string; readonly to: string }
  | { readonly act: 'flip'; readonly at: string }
  | { readonly act: 'scan'; readonly how: (typeof WAYS)[number] };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('write' as const), at: path }) },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constantFrom('remove' as const, 'directory' as const, 'chmod' as const, 'append' as const),
      at: path,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constantFrom('rename' as const, 'rename' as const, 'link' as const, 'symlink' as const),
      at: path,
      to: path,
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('flip' as const), at: path }) },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('scan' as const),
      how: fc.constantFrom(...WAYS),
    }),
  },
);

/** Does what can be done; what the tree forbids (a file where a directory is needed) is left out. */
function change(tree: string, one: Exclude<Step, { act: 'scan' }>, turn: number): void {
  const at = join(tree, one.at);
  const there = existsSync(at);
  switch (one.act) {
    case 'write':
      if (!there || lstatSync(at).isFile()) write(tree, { [one.at]: `turn ${turn}` });
      return;
    case 'append':
      if (there && lstatSync(at).isFile()) appendFileSync(at, 'more');
      return;
    case 'directory':
      mkdirSync(at, { recursive: true });
      return;
    case 'remove':
      if (there) rmSync(at, { recursive: true });
      return;
    case 'chmod':
      if (there) chmodSync(at, turn % 2 === 0 ? 0o755 : 0o700);
      return;
    case 'flip':
      if (!there || !lstatSync(at).isFile()) return;
      // Other bytes, the same size and mtime.
      write(tree, { [one.at]: 'x'.repeat(lstatSync(at).size) });
      touch(at, 1_600_000_000);
      return;
    case 'rename':
      if (there && existsSync(dirname(join(tree, one.to)))) renameSync(at, join(tree, one.to));
      return;
    case 'link':
      if (there && lstatSync(at).isFile()) linkSync(at, join(tree, one.to));
      return;
    case 'symlink':
      symlinkSync(one.at, join(tree, one.to));
      return;
  }
}

function tried(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
  }
}

async function scan(tree: string, how: Exclude<(typeof WAYS)[number], 'meanwhile'>): Promise<void> {
  if (how === 'interrupted') {
    const interrupt = new AbortController();
    const running = catalog.scan(tree, {}, { signal: interrupt.signal }).catch((error: unknown) => {
      if (!(error instanceof RollcallError && error.exit === 130)) throw error;
    });
    await new Promise((resolve) => setTimeout(resolve, 15));
    interrupt.abort();
    await running;
  } else if (how === 'twice') {
    // One of them may be told that the other closed it.
    await Promise.all([catalog.scan(tree).catch(otherwise), catalog.scan(tree).catch(otherwise)]);
  } else {
    await catalog.scan(tree, { mode: how === 'reread' ? 'reread' : 'read' });
  }
}

function otherwise(error: unknown): void {
  if (!(error instanceof Error && error.message.includes('ended otherwise'))) throw error;
}

test('after any churn, between scans and while they run, with some interrupted and some doubled, the catalog says what lies on disk', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), async (steps) => {
      const tree = catalog.directory();
      // A name that stays, so that no scan meets an emptied root.
      write(tree, { stays: 's', 'a/b/c': 'first', 'b/d': 'second' });
      let meanwhile: Promise<unknown> | null = null;
      for (const [turn, one] of steps.entries()) {
        if (one.act === 'scan') {
          await meanwhile;
          meanwhile = one.how === 'meanwhile' ? catalog.scan(tree) : null;
          if (one.how !== 'meanwhile') await scan(tree, one.how);
        } else {
          if (meanwhile !== null) await new Promise((resolve) => setTimeout(resolve, 5));
          tried(() => change(tree, one, turn));
        }
      }
      await meanwhile;
      await catalog.scan(tree);
      // What an interrupted scan had seen may be of then: the next one sees it as it is.
      await catalog.scan(tree);
      const told = Object.entries(await catalog.told(tree)).map(([name, what]) => [name, what.replace(' suspect', '')]);
      expect(Object.fromEntries(told)).toEqual(truthOf(tree));
      expect(await catalog.gaps(tree)).toEqual([]);
      expect(readdirSync(tree)).toContain('stays');
    }),
    { numRuns: cases(12) },
  );
});
