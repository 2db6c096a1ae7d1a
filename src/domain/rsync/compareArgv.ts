// The rsync command line that compares two local directories and changes nothing.

export interface ComparePlan {
  /** absolute */
  readonly left: string
  readonly right: string
  /** byte strings, below both */
  readonly paths: ReadonlyArray<string>
  readonly acls: boolean
  readonly xattrs: boolean
}

/** Lines of `readItemized` say what would change in `right`; the paths go to rsync's stdin (`pathList`). */
export const compareArgv = (plan: ComparePlan): ReadonlyArray<string> => [
  "--archive",
  "--no-recursive",
  ...(plan.acls ? ["--acls"] : []),
  ...(plan.xattrs ? ["--xattrs"] : []),
  "--numeric-ids",
  "--modify-window=-1",
  "--checksum",
  "--dry-run",
  "--stats",
  "--out-format=%i %l %n",
  "--files-from=-",
  "--from0",
  "--",
  plan.left,
  plan.right
]
