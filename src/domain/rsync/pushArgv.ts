// The rsync command line of a backup, and the server line that rsync makes of it.
import { protocol } from "../hello.ts"

/** How rsync reaches the server: its --rsh, and the name that stands before the colon. */
export interface RemoteShell {
  readonly rsh: string
  readonly alias: string
}

/** One push of a machine's files to the server's `current`. */
export interface PushPlan {
  readonly server: RemoteShell
  /** absolute paths */
  readonly sources: ReadonlyArray<string>
  /** filter rules in rsync's merge-file form, as byte strings (see `filterRules`) */
  readonly rules: ReadonlyArray<string>
  readonly acls: boolean
  readonly xattrs: boolean
  /** seconds without any traffic after which rsync gives up */
  readonly ioTimeout: number
  /** the administrator's own rsync options, one each */
  readonly flags: ReadonlyArray<string>
  /** change nothing, only say what would be done */
  readonly dryRun: boolean
  /** tell of progress after each file, which costs a moment for each */
  readonly progress: boolean
  /** print a line for each change (see `Observer.change`) */
  readonly itemize: boolean
}

/**
 * rsync's arguments; the rules go to its stdin (`rulesText`), so that names may be any bytes.
 * fake-super is the far end's: owner, mode, devices and privileged xattrs lie there as xattrs of plain files.
 * The far end is called by a name that only a byteback server of this protocol answers to: whoever else the destination may lead to
 * by mistake, nothing is deleted there.
 */
export const pushArgv = (plan: PushPlan): ReadonlyArray<string> => [
  "--archive",
  "--hard-links",
  ...(plan.acls ? ["--acls"] : []),
  ...(plan.xattrs ? ["--xattrs"] : []),
  "--numeric-ids",
  "--relative",
  "--modify-window=-1",
  "--delete-during",
  "--delete-excluded",
  "--inplace",
  "--stats",
  ...(plan.progress ? ["--info=progress2"] : []),
  "--no-human-readable",
  `--timeout=${plan.ioTimeout}`,
  ...(plan.dryRun ? ["--dry-run"] : []),
  ...(plan.itemize ? ["--out-format=%i %n%L"] : []),
  ...plan.flags,
  "--filter=merge -",
  `--rsh=${plan.server.rsh}`,
  `--rsync-path=byteback-push --protocol=${protocol.current}`,
  "--",
  ...plan.sources,
  `${plan.server.alias}:.`
]
