// The timeline of one series as inline SVG: what vanished and was damaged above, what was added and changed below.
// Pure.
import type { Interval } from '../../../domain/assessment.ts';
import { count, shortTime, startMs } from '../wording.ts';
import { escape } from './html.ts';

/**
 * Units are CSS pixels: the chart is drawn once for wide pages and once for narrow ones, so that letters keep their
 * size.
 */
export interface ChartSize {
  readonly width: number;
}

const LEFT = 44;
const RIGHT = 12;
const TOP = 48;
const LOSS_HEIGHT = 120;
const GAP = 26;
const CHANGE_HEIGHT = 60;
const AXIS = 24;
const BAR_MAX = 44;
/** Average width of a digit or letter at the font sizes that the style sheet gives, rounded up. */
const CHAR = 7;
const LABEL_SPACE = 10;
/**
 * Narrower slots bear the numbers of bursts only: a number on every third bar would say that the others are nothing.
 */
const NUMBERED_SLOT = 18;

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** The next number that people say and that is not below the value: where an axis ends. */
export function niceCeiling(value: number): number {
  if (value <= 1) return 1;
  if (value <= 10) return value <= 2 ? 2 : value <= 5 ? 5 : 10;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const factor of [1, 1.5, 2, 3, 4, 6, 8, 10]) if (factor * power >= value) return factor * power;
  return 10 * power;
}

function textWidth(text: string): number {
  return text.length * CHAR;
}

interface Label {
  readonly x: number;
  readonly text: string;
}

/** Of candidates in order of importance, those that fit without touching one another or leaving the drawing; by x. */
export function fitting<T extends Label>(candidates: readonly T[], width: number): T[] {
  const taken: { from: number; to: number; label: T }[] = [];
  for (const label of candidates) {
    const half = textWidth(label.text) / 2;
    const x = Math.min(Math.max(label.x, half), width - half);
    const from = x - half - LABEL_SPACE / 2;
    const to = x + half + LABEL_SPACE / 2;
    if (taken.some((other) => from < other.to && to > other.from)) continue;
    taken.push({ from, to, label: { ...label, x } });
  }
  return taken.map((each) => each.label).sort((a, b) => a.x - b.x);
}

/**
 * Labels of the boundaries between intervals: both ends first, then the densest regular step that fits, thinned from
 * the right.
 */
function axisLabels(timeline: readonly Interval[], xOf: (boundary: number) => number, width: number): Label[] {
  const last = timeline[timeline.length - 1];
  if (last === undefined) return [];
  const starts = timeline.map((interval) => interval.from);
  const days = new Set(starts.map((iso) => shortTime(iso, false)));
  const hours = days.size < starts.length;
  const end = last.toName === 'live' ? 'now' : shortTime(last.to, hours);
  const texts = [...starts.map((iso) => shortTime(iso, hours)), end];
  const widest = Math.max(...texts.map(textWidth)) + LABEL_SPACE;
  const step = Math.max(1, Math.ceil((widest * timeline.length) / Math.max(1, xOf(timeline.length) - xOf(0))));
  const order = [timeline.length, 0];
  for (let boundary = timeline.length - step; boundary > 0; boundary -= step) order.push(boundary);
  return fitting(
    order.map((boundary) => ({ x: xOf(boundary), text: texts[boundary] ?? '' })),
    width,
  );
}

/** Runs of neighbouring intervals that are in the window, as [first, last]. */
function windowRuns(timeline: readonly Interval[]): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  timeline.forEach((interval, index) => {
    if (!interval.inWindow) return;
    const run = runs[runs.length - 1];
    if (run !== undefined && run[1] === index - 1) run[1] = index;
    else runs.push([index, index]);
  });
  return runs;
}

/** A bar that stands on `base`; what is not zero can be seen, however small beside its neighbours. */
function bar(kind: string, { x, width }: { x: number; width: number }, base: number, height: number): string {
  return `<rect class="${kind}" x="${round(x)}" y="${round(base - height)}" width="${round(width)}" height="${round(height)}"/>`;
}

function height(value: number, max: number, full: number): number {
  return value === 0 ? 0 : Math.max(2, (value / max) * full);
}

function grid(max: number, top: number, full: number, right: number): string {
  const half = max >= 2 && max % 2 === 0 ? [max / 2] : [];
  return [0, ...half, max]
    .map((value) => {
      const y = round(top + full - (value / max) * full);
      const label = `<text class="ax" x="${LEFT - 6}" y="${y}" dy="3.5" text-anchor="end">${short(value)}</text>`;
      return `<line class="${value === 0 ? 'base' : 'grid'}" x1="${LEFT}" x2="${right}" y1="${y}" y2="${y}"/>${label}`;
    })
    .join('');
}

/** 1200 → 1.2k: an axis has little room. */
function short(value: number): string {
  if (value >= 1_000_000) return `${value / 1_000_000}M`;
  return value >= 1000 ? `${value / 1000}k` : String(value);
}

/**
 * SVG of one series' intervals, oldest first. Slots are equally wide: snapshots are rarely equally far apart, and what
 * counts is which of them still has a file. Returns '' for no intervals.
 */
export function chart(timeline: readonly Interval[], { width }: ChartSize): string {
  const n = timeline.length;
  if (n === 0) return '';
  const right = width - RIGHT;
  const slot = (right - LEFT) / n;
  const xOf = (boundary: number): number => LEFT + boundary * slot;
  const barWidth = Math.max(1.5, Math.min(BAR_MAX, slot * 0.62));
  const lossBase = TOP + LOSS_HEIGHT;
  const changeTop = lossBase + GAP;
  const changeBase = changeTop + CHANGE_HEIGHT;
  const lossMax = niceCeiling(Math.max(...timeline.map((each) => each.vanished + each.damaged)));
  const changeMax = niceCeiling(Math.max(...timeline.map((each) => each.added + each.changed)));

  const parts: string[] = [];
  for (const [first, last] of windowRuns(timeline)) {
    const x = xOf(first);
    const w = xOf(last + 1) - x;
    parts.push(
      `<rect class="win" x="${round(x)}" y="${TOP - 30}" width="${round(w)}" height="${changeBase - TOP + 30}"/>`,
    );
    if (w > textWidth('losses') + 6) parts.push(`<text class="wl" x="${round(x + 5)}" y="${TOP - 35}">losses</text>`);
  }
  parts.push(grid(lossMax, TOP, LOSS_HEIGHT, right), grid(changeMax, changeTop, CHANGE_HEIGHT, right));

  const counts: (Label & { y: number; weight: number })[] = [];
  timeline.forEach((interval, index) => {
    const centre = xOf(index) + slot / 2;
    const place = { x: centre - barWidth / 2, width: barWidth };
    const vanished = height(interval.vanished, lossMax, LOSS_HEIGHT);
    const damaged = height(interval.damaged, lossMax, LOSS_HEIGHT);
    const added = height(interval.added, changeMax, CHANGE_HEIGHT);
    const changed = height(interval.changed, changeMax, CHANGE_HEIGHT);
    if (vanished > 0) parts.push(bar('va', place, lossBase, vanished));
    if (damaged > 0) parts.push(bar('da', place, lossBase - vanished, damaged));
    if (added > 0) parts.push(bar('ad', place, changeBase, added));
    if (changed > 0) parts.push(bar('ch', place, changeBase - added, changed));
    const top = lossBase - vanished - damaged;
    const total = interval.vanished + interval.damaged;
    if (total > 0 && (slot >= NUMBERED_SLOT || interval.burst)) {
      const weight = interval.burst ? total + lossMax : total;
      counts.push({ x: centre, y: top - 4, text: count(total), weight });
    }
    if (interval.burst) {
      const y = TOP - 20;
      const size = Math.min(5, slot / 2);
      parts.push(`<path class="bu" d="M${round(centre - size)} ${y - 5}h${round(size * 2)}l${round(-size)} 6z"/>`);
    }
  });
  for (const label of fitting(
    counts.toSorted((a, b) => b.weight - a.weight),
    width,
  )) {
    parts.push(`<text class="ct" x="${round(label.x)}" y="${round(label.y)}">${label.text}</text>`);
  }
  for (let boundary = 0; boundary <= n; boundary += 1) {
    if (slot < 4 && boundary % 7 !== n % 7) continue;
    const x = round(xOf(boundary));
    parts.push(`<line class="tick" x1="${x}" x2="${x}" y1="${changeBase}" y2="${changeBase + 4}"/>`);
  }
  for (const label of axisLabels(timeline, xOf, width)) {
    parts.push(`<text class="tx" x="${round(label.x)}" y="${changeBase + 17}">${escape(label.text)}</text>`);
  }
  const total = changeBase + AXIS;
  return (
    `<svg viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" role="img" aria-label="${escape(summary(timeline))}">` +
    `${parts.join('')}</svg>`
  );
}

/** What the picture shows, for somebody who hears the page instead of seeing it. */
function summary(timeline: readonly Interval[]): string {
  const vanished = timeline.reduce((sum, each) => sum + each.vanished, 0);
  const damaged = timeline.reduce((sum, each) => sum + each.damaged, 0);
  const bursts = timeline.filter((each) => each.burst).map((each) => shortTime(each.to, true));
  return (
    `Timeline of ${timeline.length} intervals: ${count(vanished)} vanished, ${count(damaged)} damaged` +
    (bursts.length > 0 ? `; unusually many up to ${bursts.join(', ')}.` : '; none of them unusual.')
  );
}

/** True when the intervals are of one series and in order: what a chart may show in one drawing. */
export function bySeries(timeline: readonly Interval[]): Map<string, Interval[]> {
  const series = new Map<string, Interval[]>();
  for (const interval of timeline) {
    const run = series.get(interval.series) ?? [];
    run.push(interval);
    series.set(interval.series, run);
  }
  for (const run of series.values()) run.sort((a, b) => (startMs(a.from) ?? 0) - (startMs(b.from) ?? 0));
  return series;
}
