// Judging and bundles in rounds: live and backup pretend to lie on different hosts, and all that is asked of them goes
// through JSON text, as it does between the hosts of a fleet.
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Assessment } from '../../domain/assessment.ts';
import { type AnyAnswer, anyAnswerFromText, anyAskFromText, type AnyAsk } from '../../services/bundle/asks.ts';
import { carryOutTexts } from '../../services/bundle/carry-out.ts';
import type { AnsweredProofs } from '../../services/bundle/prove.ts';
import { type BundleInput, type BundleSummary, writeBundleInRounds } from '../../services/bundle/write.ts';
import { keyOf, toText } from '../../services/judge/asks.ts';
import {
  nextSourceAfresh,
  type Reconciled,
  reconcileInRounds,
  type ReconcileInput,
} from '../../services/judge/assess-volume.ts';
import type { Wanted } from '../../services/judge/hosts.ts';
import type { Scanned, Volume } from '../support/volume.ts';

export const HOSTS = { live: 'files', backup: 'store' } as const;

export interface Fleet {
  /** Hosts that never answer. */
  readonly silent?: readonly string[];
  readonly roundsMax?: number;
  /** Before what is asked of a host is carried out there. */
  readonly onAsked?: (host: string, asks: readonly AnyAsk[]) => void;
}

/**
 * Every ask and answer of one assessment, by key, as text. Where judging runs neither host's tree is to be seen: they
 * are put away for as long.
 */
export class Rows {
  readonly #world: Volume;
  readonly #fleet: Fleet;
  readonly #answers = new Map<string, string>();
  rounds = 0;

  constructor(world: Volume, fleet: Fleet = {}) {
    this.#world = world;
    this.#fleet = fleet;
  }

  async away<T>(run: () => Promise<T>): Promise<T> {
    const trees = [this.#world.live, join(this.#world.base, 'backup')];
    for (const tree of trees) renameSync(tree, `${tree}-of-another-host`);
    try {
      return await run();
    } finally {
      for (const tree of trees) renameSync(`${tree}-of-another-host`, tree);
    }
  }

  answered(): AnsweredProofs {
    const { silent = [], roundsMax = 12 } = this.#fleet;
    const answers = new Map(
      [...this.#answers].map(([key, text]): [string, AnyAnswer] => [key, anyAnswerFromText(text)]),
    );
    return { answers, silent: new Set(silent), isLast: this.rounds >= roundsMax };
  }

  async ask(wanted: Wanted<AnyAsk>): Promise<void> {
    this.rounds++;
    for (const [host, asks] of wanted) {
      const texts = asks.map(toText);
      this.#fleet.onAsked?.(host, texts.map(anyAskFromText));
      const accepted = { notGluster: false, bricksRescued: false };
      const answers = await carryOutTexts(texts, { host, accepted, now: Date.now });
      texts.forEach((text, i) => this.#answers.set(keyOf(anyAskFromText(text)), answers[i]!));
    }
  }
}

export function inputOf(world: Volume, scanned: Scanned): Omit<ReconcileInput, 'answered' | 'host'> {
  return {
    db: world.opened.db,
    ...scanned,
    scope: { excludes: world.excludes, crossMounts: false },
    sinceMs: null,
    side: null,
    now: Date.now,
  };
}

export async function judgeInRounds(
  world: Volume,
  scanned: Scanned,
  rows: Rows,
  options: Partial<Pick<ReconcileInput, 'sinceMs'>> = {},
): Promise<Reconciled> {
  for (;;) {
    const { answers, ...when } = rows.answered();
    const answered = { ...when, answers: answers as NonNullable<ReconcileInput['answered']>['answers'] };
    const input = { ...inputOf(world, scanned), ...options, host: null, answered };
    const result = await rows.away(() => reconcileInRounds(input));
    if (!('wanted' in result)) return result;
    await rows.ask(result.wanted);
  }
}

/** @param afresh how judging goes on where a source has failed */
export async function bundleInRounds(
  input: Omit<BundleInput, 'answered' | 'nextSource'>,
  rows: Rows,
  afresh: Omit<ReconcileInput, 'answered' | 'host'>,
): Promise<BundleSummary> {
  for (;;) {
    const answered = rows.answered();
    const judged = { ...answered, answers: answered.answers as NonNullable<ReconcileInput['answered']>['answers'] };
    const next = nextSourceAfresh({ ...afresh, host: null, answered: judged });
    const result = await rows.away(() => writeBundleInRounds({ ...input, answered, nextSource: next.nextSource }));
    if (!('wanted' in result)) return result;
    await rows.ask(together(result.wanted, next.wanted()));
  }
}

function together(...all: readonly Wanted<AnyAsk>[]): Wanted<AnyAsk> {
  const merged = new Map<string, AnyAsk[]>();
  for (const wanted of all) for (const [host, asks] of wanted) merged.set(host, [...(merged.get(host) ?? []), ...asks]);
  return merged;
}

export function bundleInput(assessment: Assessment, outDir: string): Omit<BundleInput, 'answered' | 'nextSource'> {
  return {
    assessment,
    outDir,
    host: 'here',
    now: () => assessment.createdMs,
    program: 'rollcall',
    owners: new Map(),
    backupRoots: [],
  };
}

/** What is alike whichever hosts were asked, and whenever live was scanned. */
export function comparable(assessment: Assessment): unknown {
  const vary = new Set(['host', 'liveHost', 'scanId', 'proofAtMs', 'createdMs', 'bytesRead', 'liveScan', 'days']);
  const text = JSON.stringify(assessment, (key, value: unknown) =>
    vary.has(key) ? null : typeof value === 'bigint' ? String(value) : value,
  );
  return JSON.parse(text.replaceAll(assessment.liveScan.asOf, 'live now'));
}

/** The lists of a bundle, but for those that name the hosts. */
export function listsOf(bundle: string): Record<string, string> {
  const lists = join(bundle, 'lists');
  return Object.fromEntries(
    readdirSync(lists)
      .filter((name) => !name.endsWith('.host0') && name !== 'backups0')
      .sort()
      .map((name) => [name, readFileSync(join(lists, name), 'latin1')]),
  );
}
