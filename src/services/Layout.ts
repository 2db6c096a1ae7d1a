// Where things lie on a machine; one reference, so that an embedder or a test moves them all at once.
import { Context } from "effect"

export interface Layout {
  /** configuration: one value a file */
  readonly config: string
  /** the store: a btrfs filesystem, a directory a host */
  readonly store: string
  /** registry and journals, off the store */
  readonly state: string
  /** locks and runs in progress */
  readonly run: string
  /** the program itself: bundle, launcher, runtime */
  readonly lib: string
  /** the rest of the machine, for what set-up writes outside byteback's own directories */
  readonly etc: string
}

export const Layout = Context.Reference<Layout>("byteback/services/Layout", {
  defaultValue: () => ({
    config: "/etc/byteback",
    store: "/byteback",
    state: "/var/lib/byteback",
    run: "/run/byteback",
    lib: "/usr/lib/byteback",
    etc: "/etc"
  })
})
