// The one state of a volume, with all of its reasons. Nothing that was not looked at is ever ok: where no fact says
// that a complete audit was made lately, the volume is blind (docs/design.md#states).
import { VERDICTS } from '../verdicts.ts';
import { VOLUME_STATES, type VolumeState } from './picture.ts';
import { scrubWarningMs, type VolumeFacts, WORKERLESS_MS } from './volume-facts.ts';

export interface Reason {
  readonly state: VolumeState;
  readonly text: string;
}

/** Why a volume is blind: each with its own cure. */
export interface Blindness {
  readonly why: 'never' | 'too-long' | 'stopped' | 'incomplete' | 'workerless';
  readonly text: string;
}

/** The worst first. One reason at least, unless it is ok. */
export function stateOf(
  facts: VolumeFacts,
  nowMs: number,
): { readonly state: VolumeState; readonly reasons: Reason[] } {
  const reasons = [
    ...attention(facts).map((text): Reason => ({ state: 'attention', text })),
    ...blindness(facts, nowMs).map(({ text }): Reason => ({ state: 'blind', text })),
    ...[...facts.late, ...scrubLate(facts, nowMs)].map((text): Reason => ({ state: 'overdue', text })),
  ];
  const state = VOLUME_STATES.find((one) => reasons.some((reason) => reason.state === one)) ?? 'ok';
  return { state, reasons };
}

function attention({ open }: VolumeFacts): string[] {
  const counts = VERDICTS.flatMap((verdict) => ((open[verdict] ?? 0) > 0 ? [[verdict, open[verdict]] as const] : []));
  return counts.length === 0 ? [] : [`open findings: ${counts.map(([verdict, n]) => `${verdict} ${n}`).join(', ')}`];
}

/** Empty where a complete audit was made lately, by the last try, on a host that has a worker. */
export function blindness(facts: VolumeFacts, nowMs: number): Blindness[] {
  const { auditedMs, blindAfterMs, trouble, incomplete, incompleteTexts, watchedMs, workerlessMs } = facts;
  const found: Blindness[] = [];
  if (auditedMs === null) found.push({ why: 'never', text: 'it was never audited completely' });
  // A time to come is no audit either: a clock was wrong, and nobody knows when it was made.
  else if (nowMs - auditedMs > blindAfterMs || auditedMs - nowMs > blindAfterMs)
    found.push({ why: 'too-long', text: `the last complete audit was ${ago(nowMs - auditedMs)}` });
  if (trouble !== null) found.push({ why: 'stopped', text: `the last audit was stopped: ${trouble.message}` });
  if (incomplete > 0) {
    const more = incompleteTexts.length > 1 ? ` (and ${incompleteTexts.length - 1} more)` : '';
    const [first = 'not everything could be read'] = incompleteTexts;
    found.push({ why: 'incomplete', text: `the last audit is incomplete: ${first}${more}` });
  }
  // A worker may be started after what it is to look at was configured.
  if (workerlessMs !== null && nowMs - Math.max(workerlessMs, watchedMs) >= WORKERLESS_MS)
    found.push({
      why: 'workerless',
      text:
        workerlessMs === 0
          ? `no worker has ever run on ${facts.host}`
          : `no worker has run on ${facts.host} for ${lasting(nowMs - workerlessMs)}`,
    });
  return found;
}

/** The promise of the scrub is broken, or will be. */
export function scrubLate({ scrub }: VolumeFacts, nowMs: number): string[] {
  if (scrub === null) return [];
  const { overdue, missMs, withinDays } = scrub;
  if (overdue > 0)
    return [`${overdue === 1 ? '1 file was' : `${overdue} files were`} not read again within ${withinDays} days`];
  if (missMs === null || missMs - nowMs > scrubWarningMs(withinDays)) return [];
  const when = missMs <= nowMs ? 'now' : `in ${lasting(missMs - nowMs)}`;
  return [`at the present rate the first file misses its ${withinDays} days ${when}`];
}

/** '54 hours', '12 days': the unit in which a person counts it. */
export function lasting(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const [n, unit] =
    minutes < 120
      ? [minutes, 'minute']
      : minutes < 72 * 60
        ? [Math.floor(minutes / 60), 'hour']
        : [Math.floor(minutes / 1_440), 'day'];
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}

function ago(ms: number): string {
  return ms < 0 ? `${lasting(-ms)} in the future (a clock is wrong)` : `${lasting(ms)} ago`;
}
