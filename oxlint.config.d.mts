export interface Layer {
  readonly files: readonly string[];
  /** Packages that may not be imported there, and why. */
  readonly outside: Readonly<Record<string, string>>;
  /** Relative imports that may not be made there, and why. */
  readonly inside: readonly (readonly [RegExp, string])[];
}
export const LAYERS: readonly Layer[];
