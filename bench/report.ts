// RESULTS.md: the bars first, then everything that was measured, with what it holds for.
import { BARS, type Bar, type BarId, outcomeOf, type Unit } from './bars.ts';
import type { Entry } from './entry.ts';
import type { Figure } from './ground.ts';
import type { Measurement, Row } from './runs.ts';
import { median, pairwise } from './statistics.ts';
import { WORKLOADS } from './workloads.ts';

/** The whole page; entries in the order of the workloads. */
export function page(entries: readonly Entry[]): string {
  return [
    '# Benchmark results',
    '',
    'Written by `npm run bench` ([how it measures](README.md)); do not edit. All numbers are in results.json.',
    ...(entries.some(({ occasion }) => occasion.quick)
      ? [
          '',
          '**Quick runs are marked.** Their trees are smaller than those of the bars and their rounds few:',
          'they show that everything runs, and no bar is judged by them.',
        ]
      : []),
    '',
    '## The bars',
    '',
    ...table(['what', 'measured', 'must', 'aim', 'outcome', 'workload'], barRows(entries)),
    '',
    ...entries.flatMap(section),
    '## What they hold for',
    '',
    ...machines(entries),
  ].join('\n');
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---|').join('')}`, ...rows.map(line)];
}

function barRows(entries: readonly Entry[]): string[][] {
  return (Object.entries(BARS) as [BarId, Bar][]).map(([id, bar]) => {
    const limits = [amount(bar.must, bar.unit), amount(bar.aim, bar.unit)];
    const workload = WORKLOADS.find(({ bars }) => bars.includes(id))?.name ?? '';
    const entry = entries.find((one) => one.workload === workload);
    if (entry === undefined) return [bar.what, '–', ...limits, 'not measured yet', workload];
    if (entry.findings === null) return [bar.what, '–', ...limits, `not measured: ${entry.trouble}`, workload];
    const figure = entry.findings.figures.find(({ bar: of }) => of === id);
    return [bar.what, ...measured(bar, figure, limits, entry.occasion.quick), workload];
  });
}

function measured(bar: Bar, figure: Figure | undefined, limits: string[], isQuick: boolean): string[] {
  if (figure === undefined || figure.value === null)
    return ['–', ...limits, `not measured: ${figure?.why ?? 'nothing was said'}`];
  const outcome = outcomeOf(bar, figure.value);
  return [
    amount(figure.value, bar.unit),
    ...limits,
    isQuick ? 'quick: not judged' : outcome === 'missed' ? '**missed**' : outcome,
  ];
}

function amount(value: number, unit: Unit): string {
  if (unit === 'times') return `${value.toFixed(2)} ×`;
  return unit === 'seconds' ? seconds(value) : bytes(value);
}

function seconds(value: number): string {
  return `${value.toFixed(Math.abs(value) < 1 ? 3 : Math.abs(value) < 100 ? 2 : 0)} s`;
}

function bytes(value: number): string {
  return value < 1e4 ? `${Math.round(value)} B` : `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)} MB`;
}

function section({ workload, occasion, findings, trouble }: Entry): string[] {
  const { date, quick, rounds, fileSystem, load, versions } = occasion;
  return [
    `## ${workload}${findings === null ? '' : `: ${findings.about}`}${quick ? ' (quick)' : ''}`,
    '',
    `${date}, Rollcall ${versions.rollcall}, on ${fileSystem}, rounds: ${rounds},`,
    `load ${load[0].toFixed(1)} before and ${load[1].toFixed(1)} at the end.`,
    '',
    ...(findings === null ? [`Not measured: ${trouble}`, ''] : []),
    ...(findings === null || findings.measurements.length === 0
      ? []
      : [
          ...table(
            ['what', 'program', 'median', 'least to most', 'Rollcall to this', 'peak memory'],
            findings.measurements.flatMap(measurementRows),
          ),
          '',
        ]),
    ...(findings?.notes ?? []).flatMap((note) => [note, '']),
  ];
}

function measurementRows({ what, rows }: Measurement): string[][] {
  const [own] = rows;
  return rows.map((row, index) => {
    const head = [index === 0 ? what : '', `\`${row.name}\``];
    if (row.trouble !== null) return [...head, `**${row.trouble}**`, '', '', ''];
    return [...head, seconds(median(row.seconds)), range(row.seconds, seconds), ratioTo(own, row), memoryOf(row)];
  });
}

function memoryOf({ peakBytes }: Row): string {
  if (peakBytes === null) return '';
  return peakBytes === 0 ? 'too short to tell' : bytes(peakBytes);
}

function range(numbers: readonly number[], print: (value: number) => string): string {
  return `${print(Math.min(...numbers))} to ${print(Math.max(...numbers))}`;
}

/** Pair by pair. */
function ratioTo(own: Row | undefined, row: Row): string {
  if (own === undefined || own === row || own.trouble !== null) return '';
  const ratios = pairwise(own.seconds, row.seconds, (a, b) => a / b);
  const times = (value: number): string => value.toFixed(2);
  return `${times(median(ratios))} × (${range(ratios, times)})`;
}

function machines(entries: readonly Entry[]): string[] {
  const all = entries.map(({ occasion: { machine, versions } }) => {
    const { processor, cores, memoryBytes, kernel, virtual } = machine;
    const peers = Object.entries(versions.peers);
    const missing = peers.filter(([, version]) => version === null).map(([name]) => name);
    return [
      `- ${cores} cores (${[processor, ...(virtual === null ? [] : [virtual])].join(', ')})`,
      `- ${bytes(memoryBytes)} of memory, ${kernel}`,
      `- Node ${versions.node}, PostgreSQL ${versions.postgres}`,
      ...peers.filter(([, version]) => version !== null).map(([name, version]) => `- ${name}: ${version}`),
      `- missing: ${missing.length === 0 ? 'none' : missing.join(', ')}`,
      '',
    ].join('\n');
  });
  return [...new Set(all)];
}
