// A small real world for restore tests: a live tree, snapshots of it, and the assessment that says what is wrong, built
// by hand. Not a test/support/volume.ts: no scan and no judge finds anything here, so that a test of restore.sh says
// which finding it gets, also one that no judge makes.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  type Assessment,
  type Cause,
  type Finding,
  RECOVERIES,
  type Source,
  type State,
} from '../../domain/assessment.ts';
import { VERDICTS, type Verdict } from '../../domain/verdicts.ts';
import { compareBytes, encodePath } from '../../domain/path.ts';
import { createHasher } from '../../services/files/hash.ts';
import { Copies } from '../../services/bundle/content.ts';
import { type BundleInput, type BundleSummary, writeBundle } from '../../services/bundle/write.ts';
import { bytes, makeDirectory } from '../support/tree.ts';
import { type VerifyInput, type VerifyResult, verifyBundle } from '../../services/bundle/verify.ts';

export const now = (): number => Date.UTC(2026, 10, 24, 8);

export interface Wrong {
  readonly verdict: Verdict;
  /** Name of the snapshot to take it from. */
  readonly from: string | Buffer;
  readonly recovery?: 'exact' | 'older';
  readonly cause?: Cause['cause'];
  readonly linkTo?: string;
  readonly flags?: readonly string[];
  readonly sourcePath?: string | Buffer;
  readonly export?: boolean;
  readonly errno?: string;
  readonly liveInode?: Finding['liveInode'];
  /** The copy lies in the live tree itself, at sourcePath; `from` says what the path should be. */
  readonly inTarget?: boolean;
  /** On which the snapshot lies; the volume's by default. */
  readonly host?: string;
}

const hasher = await createHasher();

export class World {
  readonly base: string;
  readonly live: string;
  readonly findings: Finding[] = [];
  readonly #asOf = new Map<string, string>();

  constructor() {
    // Below the temporary directory, whose sticky bit restore.sh wants to see, in a directory of our own.
    this.base = makeDirectory('rollcall-restore-');
    this.live = join(this.base, 'live');
    mkdirSync(this.live);
    mkdirSync(join(this.base, 'backup'));
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true });
  }

  /** A snapshot's directory, as raw bytes; made when first asked for. */
  snapshot(name: string | Buffer): Buffer {
    const raw = bytes(join(this.base, 'backup'), '/', name);
    mkdirSync(raw, { recursive: true });
    const key = encodePath(bytes(name));
    if (!this.#asOf.has(key)) this.#asOf.set(key, new Date(Date.UTC(2026, 10, 10 + this.#asOf.size, 3)).toISOString());
    return raw;
  }

  /** Writes below a root and gives the entry metadata that a careless restore would not bring back. */
  write(root: string | Buffer, path: string | Buffer, content: string | Buffer, mode = 0o640): Buffer {
    const raw = bytes(root, '/', path);
    mkdirSync(raw.subarray(0, raw.lastIndexOf('/')), { recursive: true });
    writeFileSync(raw, content);
    chmodSync(raw, mode);
    return raw;
  }

  /** What a copy is, read now. */
  state(root: string | Buffer, path: string): State {
    const copies = new Copies(encodePath(bytes(root)), hasher, now);
    try {
      const look = copies.read(path);
      if (look.is !== 'there') throw new Error(`${path}: ${look.is}`);
      return look.state;
    } finally {
      copies.close();
    }
  }

  /** Records that a path of the live tree is wrong and where its good copy is. `path` is raw bytes or text. */
  wrong(path: string | Buffer, what: Wrong): Finding {
    const printable = encodePath(bytes(path));
    const sourcePath = encodePath(bytes(what.sourcePath ?? path));
    const inTarget = what.inTarget === true;
    const snapshot = this.snapshot(what.from);
    const root = inTarget ? bytes(this.live) : snapshot;
    const state = this.state(root, sourcePath);
    const expected = inTarget ? { ...this.state(snapshot, printable), digest: state.digest } : state;
    const damaged = ['corrupt', 'truncated', 'reverted', 'replaced', 'recreated'].includes(what.verdict);
    const source: Source = {
      scanId: 1n,
      series: 'backup',
      snapshot: inTarget ? 'live' : encodePath(bytes(what.from)),
      host: what.host ?? 'here',
      root: encodePath(root),
      path: sourcePath,
      asOf: this.#asOf.get(encodePath(bytes(what.from))) ?? '',
      state,
      proof: what.export === true ? 'export' : 'read',
      proofAtMs: now(),
      inTarget,
    };
    const finding: Finding = {
      volume: 'live',
      path: printable,
      kind: state.kind,
      verdict: what.verdict,
      flags: what.flags ?? [],
      recovery: what.recovery ?? 'exact',
      source,
      expected,
      expectedAsOf: source.asOf,
      found: damaged ? this.state(this.live, printable) : null,
      between: null,
      cause: { cause: what.cause ?? 'silent', signals: [] },
      movedTo: null,
      errno: what.errno ?? null,
      below: null,
      linkTo: what.linkTo ?? null,
      liveInode: what.liveInode ?? null,
      accepted: null,
      expectedKey: `expected:${printable}`,
      observedKey: `observed:${printable}`,
    };
    this.findings.push(finding);
    return finding;
  }

  assessment(): Assessment {
    const none = { files: 0, bytes: 0 };
    return {
      volume: 'live',
      livePath: this.live,
      liveHost: 'here',
      liveScan: { id: 9n, asOf: new Date(now()).toISOString() },
      series: [{ name: 'backup', pattern: `${this.base}/backup/*`, snapshots: 1, newest: null, newestAsOf: null }],
      window: { since: null, reason: 'too few snapshots', intervals: [] },
      timeline: [],
      universe: { paths: this.findings.length, directories: 0 },
      verdicts: Object.fromEntries(VERDICTS.map((verdict) => [verdict, none])) as Assessment['verdicts'],
      directories: Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Assessment['directories'],
      recovery: Object.fromEntries(RECOVERIES.map((recovery) => [recovery, none])) as Assessment['recovery'],
      findings: [...this.findings].sort((a, b) => compareBytes(a.path, b.path)),
      incomplete: [],
      conditions: [],
      bytesRead: 0,
      bytesTrusted: 0,
      trustedSince: null,
      createdMs: now(),
    };
  }

  get bundle(): string {
    return join(this.base, 'bundle');
  }

  async writeBundle(options: Partial<BundleInput> = {}): Promise<BundleSummary> {
    return await writeBundle({
      assessment: this.assessment(),
      host: 'here',
      outDir: this.bundle,
      now,
      program: 'rollcall',
      owners: new Map(),
      backupRoots: [],
      ...options,
    });
  }

  async verify(options: Partial<VerifyInput> = {}): Promise<VerifyResult> {
    return await verifyBundle({
      bundleDir: this.bundle,
      target: null,
      notGluster: false,
      bricksRescued: false,
      now,
      ...options,
    });
  }

  /**
   * Runs the bundle's script, with the shell that Debian calls sh unless told otherwise, in a directory that should
   * stay as it is.
   */
  restore(args: readonly string[], options: RestoreOptions = {}): Ran {
    const cwd = options.cwd ?? join(this.base, 'elsewhere');
    mkdirSync(cwd, { recursive: true });
    const script = join(options.bundle ?? this.bundle, 'restore.sh');
    const ran = spawnSync(options.shell ?? 'sh', ['--', script, ...args, options.target ?? this.live], {
      cwd,
      env: { ...process.env, TMPDIR: this.base, ...options.env },
      encoding: 'latin1',
    });
    return { code: ran.status, output: ran.stdout + ran.stderr };
  }

  /**
   * A PATH of this world's own in which every command is what it was, but for those left out and those given as scripts
   * (or links to a program).
   */
  path(changed: { readonly without?: readonly string[]; readonly scripts?: Readonly<Record<string, string>> }): string {
    const directory = mkdtempSync(join(this.base, 'bin-'));
    const { without = [], scripts = {} } = changed;
    for (const [name, text] of Object.entries(scripts)) {
      if (text.startsWith('/')) symlinkSync(text, join(directory, name));
      else writeFileSync(join(directory, name), text, { mode: 0o755 });
    }
    const usual = process.env['PATH'] ?? '';
    // Thousands of links take a second: only where a command has to be missing. The first directory that has it wins.
    if (without.length === 0) return [directory, usual].join(delimiter);
    const taken = new Set([...without, ...Object.keys(scripts)]);
    for (const each of new Set(
      usual
        .split(delimiter)
        .filter((one) => existsSync(one))
        .map((one) => realpathSync(one)),
    ))
      for (const name of readdirSync(each)) {
        if (taken.has(name)) continue;
        taken.add(name);
        symlinkSync(join(each, name), join(directory, name));
      }
    return directory;
  }
}

export interface RestoreOptions {
  readonly env?: Record<string, string>;
  readonly target?: string;
  readonly bundle?: string;
  readonly shell?: string;
  readonly cwd?: string;
}

export interface Ran {
  readonly code: number | null;
  /** Latin-1: one character a byte. */
  readonly output: string;
}
