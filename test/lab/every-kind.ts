// A volume with everything that users may have on it, and eight nights of it in the backup.
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { encodePath } from '../../domain/path.ts';
import { run } from '../support/machine.ts';
import { at, bytes, HOSTILE_NAMES } from '../support/tree.ts';
import { content, digest, numbered, type Truth, write } from './users.ts';
import type { World } from './world.ts';

const DAY_S = 86_400;
const NIGHTS = 8;
const SIZES = [0, 1, 511, 4_095, 4_096, 4_097, 65_535, 131_072, 1_048_577, 5_000_000];
/** Also such as migrations set, one by one. */
const MODES = [0o400, 0o600, 0o640, 0o755, 0o777, 0o1644, 0o2755, 0o4755];
const HOLE_BYTES = 2_500_000;

/** @returns the content of each file by its path; eight nights have it all, and change from one to the next */
export function everyKind(world: World): Truth {
  const truth: Truth = new Map();
  const users = join(world.base, 'users');
  mkdirSync(users);
  ordinary(users, truth);
  sparse(users, truth);
  links(users, truth);
  const today = Math.floor(Date.now() / 1000 / DAY_S) * DAY_S;
  world.mountVolume();
  for (let night = 1; night <= NIGHTS; night++) {
    const at = today - (NIGHTS - night) * DAY_S;
    daily(users, night, at - DAY_S / 2, truth);
    world.sh(`rsync -aHS ${users}/ ${world.mount}/`);
    world.night(new Date(at * 1000).toISOString().slice(0, 10));
  }
  world.unmountVolume();
  return truth;
}

function put(users: string, path: string, made: Buffer, truth: Truth): string {
  const file = join(users, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, made);
  truth.set(encodePath(bytes(path)), digest(made));
  return file;
}

function ordinary(users: string, truth: Truth): void {
  write(users, 'many', numbered(100), truth);
  write(users, 'class 1/a/b/c', numbered(20), truth);
  const hostile = HOSTILE_NAMES.map(([name]) => name);
  write(users, 'odd', hostile, truth);
  for (const name of hostile) {
    mkdirSync(at(join(users, 'class 1'), name));
    const made = content(truth.size);
    writeFileSync(bytes(users, '/class 1/', name, '/a'), made);
    truth.set(encodePath(bytes('class 1/', name, '/a')), digest(made));
  }
  for (const size of SIZES) put(users, `sizes/${size}.bin`, Buffer.alloc(size, digest(bytes(`${size}`))), truth);
  for (const mode of MODES) {
    const file = put(users, `modes/${mode.toString(8)}`, content(truth.size), truth);
    chownSync(file, 1_000 + (mode % 7), 100);
    chmodSync(file, mode);
  }
  mkdirSync(join(users, 'empty/within'), { recursive: true });
  mkdirSync(join(users, 'closed'), { mode: 0o700 });
  run('mkfifo', join(users, 'modes/pipe'));
}

function sparse(users: string, truth: Truth): void {
  for (const [name, head, tail] of [
    ['hole', '', ''],
    ['head', 'at its beginning', ''],
    ['tail', '', 'at its end'],
    ['both', 'at its beginning', 'at its end'],
  ] as const) {
    const file = put(users, `sparse/${name}`, Buffer.from(head), truth);
    truncateSync(file, HOLE_BYTES);
    appendFileSync(file, tail);
    const made = Buffer.concat([Buffer.from(head.padEnd(HOLE_BYTES, '\0')), Buffer.from(tail)]);
    truth.set(`sparse/${name}`, digest(made));
  }
}

function links(users: string, truth: Truth): void {
  for (const [nth, name] of ['odd/of f3', 'many/of f4', 'class 1/of f5'].entries()) {
    linkSync(join(users, `many/f${nth + 3}.dat`), join(users, name));
    truth.set(name, truth.get(`many/f${nth + 3}.dat`) ?? '');
  }
  mkdirSync(join(users, 'links'));
  for (const [name, target] of [
    ['beside', 'nowhere'],
    ['up', '../many/f1.dat'],
    ['directory', '../class 1/a'],
    ['absolute', '/etc/hosts'],
    ['odd\n', '../odd/line\nbreak'],
  ] as const)
    symlinkSync(target, join(users, 'links', name));
  for (let nth = 0; nth < 20; nth++) symlinkSync(`../many/f${nth}.dat`, join(users, `links/to ${nth}`));
}

/** What users do in a day: files are new, and others change. */
function daily(users: string, night: number, timeS: number, truth: Truth): void {
  const changed = [`many/f${night + 10}.dat`, 'class 1/diary'];
  const made = ['a', 'b', 'c'].map((name) => `daily/day ${night}/${name}.txt`);
  for (const path of [...changed, ...made]) {
    const file = put(users, path, content(1_000 + truth.size + night), truth);
    utimesSync(file, timeS, timeS);
  }
}
