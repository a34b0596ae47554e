// When it happened, for a terminal: the intervals of the loss, and those in which more than usual went and nobody calls
// it a loss. Pure.
import type { Assessment, Interval } from '../../../domain/assessment.ts';
import { tellingIntervals } from '../present.ts';
import { count, localTime, plural, since, visible } from '../wording.ts';
import { clip, wrap } from './text.ts';

const INTERVALS_MAX = 4;

export function intervalLines(assessment: Assessment, width: number): string[] {
  const telling = tellingIntervals(assessment.timeline);
  const lines = telling.slice(-INTERVALS_MAX).map((each) => {
    const what = [
      ...(each.vanished > 0 ? [`${count(each.vanished)} vanished`] : []),
      ...(each.damaged > 0 ? [`${count(each.damaged)} damaged`] : []),
    ].join(', ');
    return `${span(each)}: ${what}${each.burst ? ' (far more than usual)' : ''}`;
  });
  if (telling.length > INTERVALS_MAX)
    lines.push(`${plural(telling.length - INTERVALS_MAX, 'earlier interval')} in report.html`);
  return lines.map((line, index) => clip(`${index === 0 ? 'When    ' : '        '}${visible(line)}`, width));
}

/** Each is named, whatever else is found: only a person knows whether so much was meant to go. */
export function beyondLines({ timeline }: Assessment, width: number): string[] {
  return timeline
    .filter(({ beyondLine }) => beyondLine)
    .flatMap((each) =>
      wrap(
        `Check   ${span(each)}: ${plural(each.vanished, 'file')} vanished, more than usual, and ${each.vanished === 1 ? 'is' : 'are'} treated as ` +
          `ordinary deletions; use --since ${since(each.from)} to count them as losses`,
        width,
        8,
      ),
    );
}

function span({ from, to, toName }: Interval): string {
  return toName === 'live' ? `${localTime(from)} to now` : localTime(`${firstOf(from)}/${lastOf(to)}`);
}

/** An end may itself be an interval, `from/to`, where it is not known better. */
function firstOf(end: string): string {
  return end.split('/')[0] ?? end;
}

function lastOf(end: string): string {
  return end.split('/').at(-1) ?? end;
}
