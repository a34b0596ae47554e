// The promise of the scrub over months, as a small model: directories of one size each, read as planSlice says.
import { describe, expect, test } from 'vitest';
import type { Scrub } from '../../../domain/watch/configuration.ts';
import type { ScrubStanding } from '../../../domain/watch/picture.ts';
import { planSlice, type ReadAt, type Slice, scrubStandingOf } from '../../../domain/watch/scrub.ts';
import { windowLeftMs, windowLengthMs } from '../../../domain/watch/window-length.ts';
import { DAY_MS } from '../../../domain/lengths.ts';

const MB = 1_000_000;
const NINETY: Scrub = { withinDays: 90, graceDays: 7, bytesPerSecond: null, window: null };
const NIGHT = { fromMinute: 22 * 60, untilMinute: 6 * 60 };

class Model {
  readonly scrub: Scrub;
  readonly unitBytes: number;
  readonly #slices: Slice[] = [];
  /** Of each directory, when it was read or first seen (days). */
  readonly read: number[] = [];
  day = 0;

  constructor(scrub: Partial<Scrub>, units: number, unitBytes = MB) {
    this.scrub = { ...NINETY, ...scrub };
    this.unitBytes = unitBytes;
    this.grow(units);
  }

  grow(units: number): void {
    while (this.read.length < units) this.read.push(this.day);
  }

  get #nowMs(): number {
    return this.day * DAY_MS;
  }

  get #facts(): Parameters<typeof planSlice>[1] {
    const read = this.read.map((day): ReadAt => {
      return { readMs: day * DAY_MS, sinceMs: day * DAY_MS, files: 1, bytes: this.unitBytes };
    });
    return { read, slices: this.#slices, firstMs: this.#slices[0]?.startedMs ?? null };
  }

  /** All slices of one night. */
  night(lengthMs = 8 * 3_600_000): void {
    const began = this.day;
    for (let leftMs = lengthMs; leftMs > 0; leftMs -= 15 * 60_000) {
      const plan = planSlice(this.scrub, this.#facts, leftMs, this.#nowMs);
      if (plan.isWorth) this.#slice(plan);
      this.day += 15 / 1_440;
    }
    this.day = began;
  }

  #slice({ bytesMax, owedBytes, urgentMs, youngMs }: ReturnType<typeof planSlice>): void {
    let bytes = 0;
    const order = [...this.read.keys()].sort((a, b) => (this.read[a] ?? 0) - (this.read[b] ?? 0));
    for (const unit of order) {
      const atMs = (this.read[unit] ?? 0) * DAY_MS;
      if (atMs >= youngMs || (bytes > 0 && bytes + this.unitBytes > bytesMax)) break;
      if (atMs >= urgentMs && bytes >= owedBytes) break;
      bytes += this.unitBytes;
      this.read[unit] = this.day;
    }
    this.#slices.push({ startedMs: this.#nowMs, chosenBytes: bytes, bytes });
  }

  standing(): ScrubStanding {
    return scrubStandingOf(this.scrub, this.#facts, this.#nowMs);
  }
}

describe('within the promised time', () => {
  test.each([
    ['that grows 1 % a day', 1.01, MB],
    ['that stands still', 1, MB],
    ['that grows 5 % a day', 1.05, MB],
    ['of a few large directories', 1, 20 * MB],
    ['of one directory', 1, 500 * MB],
  ])('a volume %s gives no alarm in half a year, read in one night as it was', (_, growth, unitBytes) => {
    const model = new Model({}, Math.ceil((400 * MB) / unitBytes), unitBytes);
    const units = model.read.length;
    let oldest = 0;
    for (model.day = 1; model.day <= 183; model.day++) {
      model.grow(Math.min(5_000, Math.ceil(units * growth ** model.day)));
      model.night();
      const { overdue, missMs, oldestMs } = model.standing();
      expect({ day: model.day, overdue, missMs }).toEqual({ day: model.day, overdue: 0, missMs: null });
      oldest = Math.max(oldest, model.day - (oldestMs ?? 0) / DAY_MS);
    }
    expect(oldest).toBeLessThan(90);
    // The first night's reading is spread over the time, instead of coming due in one night.
    if (growth === 1 && unitBytes === MB) expect(Math.max(...perDay(model.read))).toBeLessThan(15);
  });

  test('a week without any slice is made up for', () => {
    const model = new Model({}, 400);
    for (model.day = 1; model.day <= 150; model.day++) {
      if (model.day < 60 || model.day >= 67) model.night();
      const { overdue, missMs } = model.standing();
      expect({ day: model.day, overdue, missMs }).toEqual({ day: model.day, overdue: 0, missMs: null });
    }
  });
});

describe('beyond it', () => {
  test('a budget that cannot suffice is told on the first day, with the date on which the promise breaks', () => {
    // 8 hours a night at 100 bytes a second are 2.9 MB: 400 MB take 139 nights.
    const model = new Model({ bytesPerSecond: 100, window: NIGHT }, 400);
    expect(model.standing().missMs).toBe(90 * DAY_MS);
    const enough = new Model({ bytesPerSecond: 200, window: NIGHT }, 400);
    expect(enough.standing().missMs).toBe(null);
  });

  test('a scrub that stops is told before a deadline is missed, and what is overdue is counted by its own deadline and grace', () => {
    const model = new Model({}, 400);
    for (model.day = 1; model.day <= 100; model.day++) model.night();
    model.day = 100;
    expect(model.standing().missMs).toBe(null);
    const oldest = (): number => Math.min(...model.read);
    while (model.standing().missMs === null) model.day++;
    expect(model.standing().missMs).toBeGreaterThan(model.day * DAY_MS);
    expect(model.day - oldest()).toBeLessThan(90);
    model.day = oldest() + 97;
    expect(model.standing().overdue).toBe(0);
    model.day += 0.5;
    expect(model.standing().overdue).toBe(model.read.filter((day) => day === oldest()).length);
    expect(model.standing().missMs).toBe((oldest() + 90) * DAY_MS);
  });

  test('a scrub that never begins is told when half of the time is over', () => {
    const model = new Model({}, 10);
    model.day = 44;
    expect(model.standing().missMs).toBe(null);
    model.day = 46;
    expect(model.standing().missMs).toBe(90 * DAY_MS);
  });
});

test('the histogram has every file once, those that nobody has read in its last column', () => {
  const at = (readMs: number | null, sinceMs: number, files: number): ReadAt => ({
    readMs,
    sinceMs,
    files,
    bytes: files * MB,
  });
  const nowMs = 200 * DAY_MS;
  const ages = [0, 22.5, 23, 60, 90, 91, 97.5].map((age) => at(nowMs - age * DAY_MS, nowMs - age * DAY_MS, 1));
  const facts = {
    read: [...ages, at(null, nowMs - DAY_MS, 5), at(null, nowMs - 98 * DAY_MS, 2)],
    slices: [],
    firstMs: null,
  };
  const standing = scrubStandingOf(NINETY, facts, nowMs);
  expect(standing.histogram.map(({ daysMax, files, bytes }) => [daysMax, files, bytes / MB])).toEqual([
    [22.5, 2, 2],
    [45, 1, 1],
    [67.5, 1, 1],
    [90, 1, 1],
    [97, 1, 1],
    [null, 8, 8],
  ]);
  expect(standing).toMatchObject({
    files: 14,
    bytes: 14 * MB,
    overdue: 3,
    neverRead: 7,
    oldestMs: nowMs - 97.5 * DAY_MS,
  });
});

test('what a slice may read is what is left of its window, and a quarter of an hour at most', () => {
  const scrub = { ...NINETY, bytesPerSecond: 1_000, window: NIGHT };
  const facts = { read: [{ readMs: null, sinceMs: 0, files: 1, bytes: 1 }], slices: [], firstMs: null };
  const at = (iso: string): number => windowLeftMs(NIGHT, 'Europe/Berlin', Date.parse(iso));
  const plan = (leftMs: number): unknown => {
    const { bytesMax, isWorth } = planSlice(scrub, facts, leftMs, DAY_MS);
    return { bytesMax, isWorth };
  };
  expect([
    at('2026-12-01T21:59:00+01:00'),
    at('2026-12-01T22:00:00+01:00'),
    at('2026-12-02T05:59:30+01:00'),
    at('2026-12-02T06:00:00+01:00'),
  ]).toEqual([0, 8 * 3_600_000, 30_000, 0]);
  expect(windowLengthMs(NIGHT)).toBe(8 * 3_600_000);
  expect(windowLengthMs({ fromMinute: 60, untilMinute: 60 })).toBe(DAY_MS);
  expect(plan(0)).toEqual({ bytesMax: 0, isWorth: false });
  expect(plan(60_000)).toEqual({ bytesMax: 60_000, isWorth: true });
  expect(plan(3_600_000)).toEqual({ bytesMax: 900_000, isWorth: true });
});

function perDay(read: readonly number[]): number[] {
  const days = new Map<number, number>();
  for (const day of read) days.set(Math.floor(day), (days.get(Math.floor(day)) ?? 0) + 1);
  return [...days.values()];
}
