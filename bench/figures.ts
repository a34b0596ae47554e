// From a measurement to the figure that a bar asks for, run by run, and in words where there is none.
import type { BarId } from './bars.ts';
import type { Figure } from './ground.ts';
import type { Measurement, Row } from './runs.ts';
import { median, pairwise } from './statistics.ts';

/** The median over all rounds of what by makes of Rollcall's seconds and those of the peer. */
function against(
  bar: BarId,
  { rows }: Measurement,
  peer: string,
  by: (rollcall: number, peer: number) => number,
): Figure {
  const [own] = rows;
  const other = rows.find(({ name }) => name === peer);
  if (own === undefined || other === undefined) return { bar, value: null, why: `${peer} was not run` };
  const trouble = troubleOf([own, other]);
  if (trouble !== null) return { bar, value: null, why: trouble };
  return figure(bar, median(pairwise(own.seconds, other.seconds, by)));
}

export function ratio(bar: BarId, measurement: Measurement, peer: string): Figure {
  return against(bar, measurement, peer, (rollcall, other) => rollcall / other);
}

/**
 * Of the same bytes: the rate is the inverse of the time. What a command takes that reads next to nothing is not
 * reading, and is left out of Rollcall's time: it has a bar of its own.
 * @param empty who takes that command's turn
 */
export function rate(bar: BarId, measurement: Measurement, peer: string, empty: string): Figure {
  const idle = measurement.rows.find(({ name }) => name === empty);
  const trouble = idle === undefined ? `${empty} was not run` : troubleOf([idle]);
  if (idle === undefined || trouble !== null) return { bar, value: null, why: trouble };
  const start = median(idle.seconds);
  return against(bar, measurement, peer, (rollcall, other) => other / (rollcall - start));
}

export function over(bar: BarId, measurement: Measurement, peer: string): Figure {
  return against(bar, measurement, peer, (rollcall, other) => rollcall - other);
}

/** The highest peak of Rollcall in these measurements. */
export function memory(bar: BarId, measurements: readonly Measurement[]): Figure {
  const own = measurements.flatMap(({ rows }) => rows.slice(0, 1));
  const trouble = troubleOf(own);
  if (trouble !== null) return { bar, value: null, why: trouble };
  return figure(bar, Math.max(...own.map(({ peakBytes }) => peakBytes ?? 0)));
}

export function figure(bar: BarId, value: number): Figure {
  return { bar, value, why: null };
}

function troubleOf(rows: readonly Row[]): string | null {
  const bad = rows.find(({ trouble }) => trouble !== null);
  return bad === undefined ? null : `${bad.name}: ${bad.trouble}`;
}
