// What users have on a volume of the lab, and the truth about it: the content of each file by its path.
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePath } from '../../domain/path.ts';
import { at, bytes, HOSTILE_NAMES } from '../support/tree.ts';
import type { World } from './world.ts';

const WEEK_AGO = Math.floor(Date.now() / 1000) - 7 * 86_400;
const ORDINARY = 160;
/** Written after the last night: what a brick has of them is all that there is. */
const NEW = 40;

/** SHA-256 of each file's content by its path, as Rollcall writes paths. */
export type Truth = Map<string, string>;

export function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Content that no other file has, of sizes around those of blocks. */
export function content(nth: number): Buffer {
  const size = (nth * 7919) % 40_000;
  return Buffer.concat([Buffer.from(`file ${nth}\n`), Buffer.alloc(size, digest(Buffer.from(`${nth}`)))]);
}

/** Writes them, a week old, below a directory of this machine; the volume gets them by `cp -a`. */
export function write(directory: string, below: string, names: readonly Buffer[], truth: Truth): void {
  mkdirSync(join(directory, below), { recursive: true });
  for (const name of names) {
    const file = at(join(directory, below), name);
    const made = content(truth.size);
    writeFileSync(file, made);
    utimesSync(file, WEEK_AGO, WEEK_AGO);
    truth.set(encodePath(bytes(`${below}/`, name)), digest(made));
  }
}

export function numbered(count: number): Buffer[] {
  return Array.from({ length: count }, (_, nth) => Buffer.from(`f${nth}.dat`));
}

/** @returns what users have when the power goes; two nights have all but the newest. */
export function usersWork(world: World): Truth {
  const truth: Truth = new Map();
  const [old, recent] = ['old', 'recent'].map((name) => join(world.base, name)) as [string, string];
  write(old, 'd', numbered(ORDINARY), truth);
  write(
    old,
    'd/odd',
    HOSTILE_NAMES.map(([name]) => name),
    truth,
  );
  linkSync(join(old, 'd/f0.dat'), join(old, 'd/odd/of f0'));
  truth.set('d/odd/of f0', truth.get('d/f0.dat') ?? '');
  symlinkSync('f1.dat', join(old, 'd/leads to f1'));
  write(recent, 'd/new', numbered(NEW), truth);
  world.mountVolume();
  for (const [from, date] of [
    [old, '2026-11-20'],
    [old, '2026-11-21'],
  ] as const) {
    world.sh(`cp -a ${from}/. ${world.mount}/`);
    world.night(date);
  }
  world.sh(`cp -a ${recent}/. ${world.mount}/`);
  world.settle();
  world.unmountVolume();
  return truth;
}
