// Scanning a live volume: a directory tree as it is now.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { ScanMode } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import { completeScans } from '../catalog/scans.ts';
import type { ScrubChoice } from '../catalog/scans.ts';
import { ensureVolume } from '../catalog/volumes.ts';
import type { Volume } from '../catalog/volumes.ts';
import { identifyRoot, identityDifference, isIdentity } from '../files/identity.ts';
import type { RootIdentity } from '../files/identity.ts';
import { isBricks } from '../../domain/gluster/named.ts';
import { mountsBelow } from '../files/mounts.ts';
import { type AskingTools, askingHosts } from './asking-hosts.ts';
import { brickVolume, withBricksBefore } from './brick-volume.ts';
import { runScan, servesAs } from './scan-volume.ts';
import type { NewScan, ScanRun, ScanTools } from './scan-volume.ts';

export interface TreeOptions {
  /** Real path, printable. */
  readonly path: string;
  readonly scope: ScopeRules;
  readonly mode: Exclude<ScanMode, 'list'>;
  /** --new-state: the root is what it should be, also if it is another one, or emptied. */
  readonly newState: boolean;
}

/** What a slice of the scrub reads again, chosen when it begins; null where nothing is to be read now. */
export type ChooseSlice = () => Promise<ScrubChoice | null>;

/** @throws RollcallError with exit 4 when the root is not the one that earlier scans saw */
export async function scanTree(tools: ScanTools, options: TreeOptions): Promise<{ volume: Volume; run: ScanRun }> {
  const { path, newState } = options;
  const volume = await treeVolume(tools, path, newState);
  const run = await runScan(tools, volume.id, path, {
    next: () => nextScan(tools, volume, options),
    standingOf: (running) => (servesAs(running, options) ? 'wanted' : 'other'),
    keepsForever: false,
  });
  if (run === null) throw new Error('a live tree can always be scanned again');
  return { volume, run };
}

/** @param newState another GlusterFS volume on the same bricks goes on as this one */
export async function treeVolume(
  tools: Pick<ScanTools, 'db' | 'host' | 'nowMs'> & AskingTools,
  path: string,
  newState = false,
): Promise<Volume> {
  if (isBricks(path)) return brickVolume(tools, path, newState);
  return ensureVolume(tools.db.pool, {
    role: 'live',
    layout: 'tree',
    key: `tree:${tools.host}:${path}`,
    name: path,
    host: tools.host,
    path,
    nowMs: tools.nowMs(),
  });
}

/**
 * A scan in mode `read` that besides reads every file of the directories that are chosen when it begins. A slice that
 * was interrupted is continued; while another scan of the volume runs, that is helped first.
 * @returns null for the run where nothing was chosen
 */
export async function scanSlice(
  tools: ScanTools,
  options: Pick<TreeOptions, 'path' | 'scope'>,
  choose: ChooseSlice,
): Promise<{ volume: Volume; run: ScanRun | null }> {
  const { path } = options;
  const wanted = { ...options, mode: 'read', newState: false } as const;
  const volume = await treeVolume(tools, path);
  const run = await runScan(tools, volume.id, path, {
    next: async () => {
      const scrub = await choose();
      return scrub === null ? null : { ...(await nextScan(tools, volume, wanted)), scrub };
    },
    standingOf: (running) => (running.isSlice && servesAs(running, wanted) ? 'wanted' : 'other'),
    keepsForever: false,
  });
  return { volume, run };
}

async function nextScan(tools: ScanTools, volume: Volume, options: TreeOptions): Promise<NewScan> {
  const { path, scope } = options;
  const entered = new Set(scope.crossMounts ? mountedBelow(path) : []);
  // What was entered once stays on record, mounted or not: else what is known there would vanish when it is unmounted.
  if (!options.newState && isIdentity(volume.identity)) {
    for (const one of volume.identity.enteredMounts) entered.add(one);
  }
  const found = await askingHosts(tools, path, () => identifyRoot(path, [...entered]));
  if (!options.newState) checkIdentity(volume, path, found);
  const identity = options.newState ? found : withBricksBefore(tools, volume, { path, found });
  const last = (await completeScans(tools.db.pool, volume.id)).at(-1);
  const nowMs = tools.nowMs();
  const seq = last !== undefined && last.seq >= BigInt(nowMs) ? last.seq + 1n : BigInt(nowMs);
  return {
    volumeId: volume.id,
    roots: [{ rootId: volume.rootId, path, identity }],
    seq,
    snapshot: null,
    asOf: { fromMs: nowMs, toMs: nowMs, source: 'scan' },
    readOnly: false,
    mode: options.mode,
    scope,
    exportedMs: null,
    relistOf: null,
    newState: options.newState,
  };
}

function mountedBelow(path: string): string[] {
  const prefix = path === '/' ? '/' : `${path}/`;
  return mountsBelow(path).map((mount) => mount.mountPoint.slice(prefix.length));
}

function checkIdentity(volume: Volume, path: string, now: RootIdentity): void {
  if (!isIdentity(volume.identity)) return;
  const difference = identityDifference(volume.identity, now);
  if (difference === null) return;
  throw new RollcallError(`${path} is not the volume that was scanned before: ${difference}. Nothing was scanned.`, {
    exit: EXIT.guard,
    next: `Check what is mounted there (findmnt ${path}). If this is the volume's new file system: rollcall volumes rebase '${path}' --reason "…"`,
  });
}
