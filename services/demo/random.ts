// Numbers that look random and are the same for the same seed, so that a demo can be played again. Pure.

export interface Random {
  /** Uniform in [0, 1). */
  readonly unit: () => number;
  /** Integer in [0, below). */
  readonly below: (below: number) => number;
  readonly pick: <T>(from: readonly T[]) => T;
  /** `n` different ones, in an order of their own; all of them where there are fewer. */
  readonly some: <T>(from: readonly T[], n: number) => T[];
}

/** Mulberry32: 32 bits of state, enough for a few thousand draws. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number): number => Math.floor(unit() * limit);
  const some = <T>(from: readonly T[], n: number): T[] => {
    const rest = [...from];
    const chosen: T[] = [];
    while (chosen.length < n && rest.length > 0) chosen.push(...rest.splice(below(rest.length), 1));
    return chosen;
  };
  const pick = <T>(from: readonly T[]): T => {
    const chosen = from[below(from.length)];
    if (chosen === undefined) throw new Error('nothing to pick from');
    return chosen;
  };
  return { unit, below, pick, some };
}
