// The small print of a verdict, in the words that findings carry; restore lists and reports compare with these
// constants only.

export const FLAG = {
  metadataDiffers: 'metadata differs',
  otherBackupStale: 'other backup stale',
  /** One copy against one: in no restore list. */
  sideUnknown: 'side unknown',
  /** One copy against one, and --side backup decided. */
  sideBackup: 'side backup',
  /** Its inode was written since it was read, and its mtime set back. */
  rewritten: 'rewritten under its old time',
  restored: 'restored until the next backup',
  moveTarget: 'target of a move',
  /** Moved to the same name in another case or Unicode form, as other operating systems write it. */
  nameForm: 'name form',
  /** What is there equals the best source. */
  nothingToRestore: 'nothing to restore',
  /** A snapshot has it, and none of its copies there could be read: not restorable from here, and not proven lost. */
  sourceUnreadable: 'its copies could not be read',
  /** Only its name was ever seen: no scan could look at it. */
  neverRead: 'never read',
  /** Its host did not answer: the second look at it was not made. */
  notLookedAt: 'not looked at again',
  /** Statistics alone call it lost: it has a list of its own, and a plain restore leaves it out. */
  uncertain: 'uncertain',
} as const;
