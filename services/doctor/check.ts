// One line of the doctor's answer.

export interface Check {
  /** bad: something that is needed is missing. warning: it works, with less. */
  readonly level: 'ok' | 'warning' | 'bad';
  readonly subject: string;
  readonly says: string;
  /** What to do; null where nothing is to be done. */
  readonly next: string | null;
}

export const ok = (subject: string, says: string): Check => ({ level: 'ok', subject, says, next: null });
export const warning = (subject: string, says: string, next: string): Check => ({
  level: 'warning',
  subject,
  says,
  next,
});
export const bad = (subject: string, says: string, next: string): Check => ({ level: 'bad', subject, says, next });
