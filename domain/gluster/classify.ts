// From what the subvolumes say of one name to its one class. What is worse to overlook is asked first: a content that a
// look can destroy, copies that contradict one another, a name that does not open.
import { agreement, compare, newest } from './copies.ts';
import { asSeen, isContent, isPointer } from './entry-kind.ts';
import type { Placement } from './placement.ts';
import type { SubvolumeSight } from './replicas.ts';
import { targetOf, type Topology } from './topology.ts';
import type { UnionClass, UnionCopy, UnionEvidence, UnionName } from './union.ts';

export interface NameCase {
  readonly name: string;
  readonly topology: Topology;
  /** By subvolume. */
  readonly sights: readonly SubvolumeSight[];
  readonly placement: Placement;
  /** The subvolume that the name's hash leads to; null where no range has it. */
  readonly hashed: number | null;
}

/** A copy that its subvolume stands by. */
interface Held extends UnionCopy {
  readonly subvolume: number;
}

interface Decision {
  readonly class: UnionClass;
  readonly holder: UnionCopy | null;
  /** Where nobody can choose: what is shown. */
  readonly shown?: UnionCopy | null;
  readonly evidence: readonly UnionEvidence[];
  readonly rescue?: readonly UnionCopy[];
  /** Of what is misplaced: whose content is the right one is known all the same. */
  readonly isClear?: boolean;
}

export function classify(of: NameCase): UnionName {
  const decision = decided(of);
  const evidence = [...new Set([...decision.evidence, ...of.sights.flatMap((sight) => sight.evidence)])];
  const shown = decision.holder ?? decision.shown ?? null;
  const isBare = decision.class === 'plain' && evidence.length === 0;
  return {
    name: of.name,
    class: decision.class,
    holder: decision.holder?.brick ?? null,
    isClear: decision.class === 'plain' || decision.class === 'unreachable' || decision.isClear === true,
    entry: shown === null ? null : asSeen(shown.entry),
    evidence,
    copies: isBare ? [] : of.sights.flatMap(({ copies }) => copies).toSorted((a, b) => a.brick - b.brick),
    rescue: (decision.rescue ?? []).map(({ brick }) => brick),
    gaps: isBare ? [] : of.sights.flatMap(({ unseen }) => unseen).toSorted((a, b) => a.brick - b.brick),
  };
}

function decided(of: NameCase): Decision {
  const held = of.sights.flatMap(({ copy }, subvolume) => (copy === null ? [] : [{ ...copy, subvolume }]));
  const content = held.filter(({ is }) => isContent(is));
  const hidden = held.filter(isHidden);
  const rivals = of.sights.flatMap((sight) => sight.rivals);
  if (rivals.length > 0) {
    const [holder = null] = content;
    const isDecided = of.sights.every((sight) => sight.rivals.length === 0 || sight.copy !== null);
    return {
      class: 'misplaced',
      holder,
      isClear: isDecided && content.length === 1,
      shown: newest(rivals),
      evidence: [],
      rescue: content.length > 0 ? [] : hidden,
    };
  }
  if (content.some(({ entry }) => entry.kind === 'directory')) return directory(content, hidden);
  if (content.length === 0) return withoutContent(of, held, hidden);
  return withContent(of, content, hidden);
}

/** What a client takes for a pointer or cannot read, with content in it. */
function isHidden({ is, entry }: UnionCopy): boolean {
  return is === 'hidden' || (is === 'mark lost' && entry.size !== 0);
}

function directory(content: readonly Held[], hidden: readonly Held[]): Decision {
  const directories = content.filter(({ entry }) => entry.kind === 'directory');
  const holder = newest(directories);
  const evidence: UnionEvidence[] = [];
  if (directories.length < content.length || hidden.length > 0) evidence.push('kinds differ');
  if (hidden.length > 0) evidence.push('hidden copy');
  if (gfidsDiffer(directories)) evidence.push('gfids differ');
  return { class: evidence.length > 0 ? 'misplaced' : 'plain', holder, evidence, rescue: hidden };
}

function gfidsDiffer(copies: readonly UnionCopy[]): boolean {
  return new Set(copies.flatMap(({ entry }) => entry.gfid ?? [])).size > 1;
}

function withoutContent(of: NameCase, held: readonly Held[], hidden: readonly Held[]): Decision {
  const unseen = of.sights.flatMap((sight, subvolume) =>
    sight.copy === null && sight.unseen.length > 0 ? [subvolume] : [],
  );
  const evidence: UnionEvidence[] = hidden.length > 0 ? hiddenEvidence(hidden) : [];
  if (hidden.length === 0 && held.length > 0) evidence.push('dangling link');
  // Its source may stand on a brick that could not be asked; then this is the copy that was not finished.
  const mayBeUnseen = (copy: Held): boolean => {
    const source = targetOf(of.topology, copy.entry.linkto);
    return source === null || unseen.includes(source);
  };
  if (unseen.length > 0 && (hidden.length === 0 || hidden.some(mayBeUnseen))) {
    return { class: 'gap', holder: null, evidence: [...evidence, 'brick unseen'], rescue: hidden };
  }
  if (hidden.length === 0) return { class: 'internal', holder: null, evidence };
  const [first] = hidden;
  const between = differences(hidden);
  const whole = hidden.filter((copy) => !endsInZeros(copy));
  return {
    class: 'hidden',
    holder: between.length === 0 ? (first ?? null) : null,
    shown: newest(whole.length > 0 ? whole : hidden),
    evidence: [...evidence, ...between],
    rescue: hidden,
  };
}

function hiddenEvidence(hidden: readonly Held[]): UnionEvidence[] {
  const evidence: UnionEvidence[] = [hidden.some(endsInZeros) ? 'hidden copy ends in zeros' : 'hidden copy'];
  if (hidden.some(({ is }) => is === 'mark lost')) evidence.push('mode of a link file');
  return evidence;
}

function endsInZeros({ entry: { size, zeroFrom } }: UnionCopy): boolean {
  return size !== null && zeroFrom !== null && zeroFrom < size;
}

function withContent(of: NameCase, content: readonly Held[], hidden: readonly Held[]): Decision {
  const full = content.filter(({ entry }) => entry.size !== 0);
  const shadows = content.filter(({ is }) => is === 'shadow');
  if (shadows.length > 0 && full.length > 0) {
    const between = conflicts(full);
    const holder = between.length === 0 ? (full[0] ?? null) : null;
    const isClear = holder !== null;
    return { class: 'misplaced', holder, isClear, shown: newest(full), evidence: ['shadowed', ...between] };
  }
  // Users see an empty file with a pointer's mark, and what they lack is marked as a pointer.
  if (shadows.length > 0 && hidden.length > 0) {
    const evidence: UnionEvidence[] = ['shadowed', ...hiddenEvidence(hidden)];
    return { class: 'misplaced', holder: shadows[0] ?? null, evidence, rescue: hidden };
  }
  const between = conflicts(content);
  if (between.length > 0) return { class: 'misplaced', holder: null, shown: newest(content), evidence: between };
  const holder = content.find(({ subvolume }) => subvolume === of.hashed) ?? content[0];
  if (holder === undefined) throw new Error('no content to hold the name');
  const evidence = besides(holder, content, hidden);
  return reached(of, holder, content, evidence);
}

/** Why several contents of one name cannot all be what it is. */
function conflicts(content: readonly Held[]): UnionEvidence[] {
  const [first, ...others] = content;
  if (first === undefined || others.length === 0) return [];
  const evidence: UnionEvidence[] = [];
  if (gfidsDiffer(content)) evidence.push('gfids differ');
  if (others.some(({ entry }) => entry.kind !== first.entry.kind)) evidence.push('kinds differ');
  return [...evidence, ...differences(content)];
}

function differences(copies: readonly UnionCopy[]): UnionEvidence[] {
  const how = agreement(copies);
  if (how === 'same') return [];
  return [how === 'differ' ? 'copies differ' : 'copies not compared'];
}

/**
 * What else is to be said of a name whose content is one. A move begins with a copy of the full length that is not
 * written yet: one of nothing but zeros is not another content.
 */
function besides(holder: Held, content: readonly Held[], hidden: readonly Held[]): UnionEvidence[] {
  const evidence: UnionEvidence[] = [];
  const isMigrating = content.some(({ is }) => is === 'migrating');
  if (isMigrating) evidence.push('migration unfinished');
  else if (content.length > 1) evidence.push('same copies');
  if (hidden.length > 0) {
    const differs =
      !isMigrating && hidden.some((copy) => copy.entry.zeroFrom !== 0 && compare(holder, copy) === 'differ');
    evidence.push(differs ? 'debris differs' : 'debris');
  }
  if (content.some(({ entry }) => entry.isCondemned === true)) evidence.push('condemned copy');
  return evidence;
}

/** The same name, if users can open it. */
function reached(of: NameCase, holder: Held, content: readonly Held[], evidence: UnionEvidence[]): Decision {
  const plain: Decision = { class: 'plain', holder, evidence };
  const closed = (why: UnionEvidence): Decision => ({ class: 'unreachable', holder, evidence: [...evidence, why] });
  const { hashed, placement, sights } = of;
  const isNamedElsewhere = sights.some((sight) => sight.isNamed && sight.copy === null);
  if (sights.length === 1 || content.some(({ subvolume }) => subvolume === hashed)) {
    return isNamedElsewhere ? { ...plain, evidence: [...evidence, 'brick unseen'] } : plain;
  }
  if (isNamedElsewhere) return { class: 'gap', holder: null, evidence: [...evidence, 'brick unseen'] };
  const first = hashed === null || !placement.isWhole ? undefined : sights[hashed];
  if (first === undefined) {
    // A brick that cannot be asked is told once, of the directory.
    const isUnseen = sights.some((sight) => sight.copy === null && sight.unseen.length > 0);
    return isUnseen ? plain : { ...plain, evidence: [...evidence, 'placement unknown'] };
  }
  if (first.copy === null) {
    if (first.unseen.length > 0 || placement.isTrusted === false) return plain;
    if (placement.isTrusted === true) return closed('not where its hash leads');
    return { ...plain, evidence: [...evidence, 'placement unknown'] };
  }
  if (!isPointer(first.copy.is)) return closed('mode of a link file');
  const target = targetOf(of.topology, first.copy.entry.linkto);
  const leadsHere = target === null || content.some(({ subvolume }) => subvolume === target);
  return leadsHere && gfidsDiffer([first.copy, holder]) ? closed('gfids differ') : plain;
}
