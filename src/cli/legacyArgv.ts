// The old commands' names and manners, turned into today's: byteback-backup, byteback-restore and the like.

/** Flags of the old commands that took every following word up to the next flag. */
const greedy = new Set(["--source", "--exclude"])

/** `--source /a /b` becomes `--source /a --source /b`. */
const expandGreedy = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const out: Array<string> = []
  let flag: string | null = null
  let first = false
  for (const word of args) {
    if (word.startsWith("-")) {
      flag = greedy.has(word) ? word : null
      first = flag !== null
      out.push(word)
    } else if (flag !== null) {
      if (!first) out.push(flag)
      out.push(word)
      first = false
    } else {
      out.push(word)
    }
  }
  return out
}

const verbs: Record<string, ReadonlyArray<string>> = {
  "byteback-backup": ["backup"],
  "byteback-restore": ["restore"],
  "byteback-prune": ["prune"],
  "byteback-snapshot": ["snapshot"],
  "byteback-setup-client": ["setup-client"]
}

/**
 * An old listing: the snapshots where no path was named, what one snapshot has at a path where both were, and else in which of them
 * the path is. An old listing always told all.
 */
const oldListing = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const said = new Set(["--list", "--all", "--verbose", "-v"])
  const kept = args.filter((word) => !said.has(word))
  const at = kept.indexOf("--snapshot")
  const snapshot = at < 0 ? "*" : (kept[at + 1] ?? "*")
  const rest = at < 0 ? kept : kept.toSpliced(at, 2)
  const flags = rest.filter((word) => word.startsWith("-"))
  const paths = rest.filter((word) => !word.startsWith("-"))
  if (paths.length === 0) return ["snapshots", ...flags]
  if (snapshot === "*") return ["history", ...flags, ...paths]
  return ["ls", "-l", ...flags, ...paths.map((path) => `${snapshot}:${path}`)]
}

/** The words for today's program from the name it was called by and the words given. */
export const legacyArgv = (name: string, args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const verb = verbs[name]
  if (verb === undefined) return args[0] === "backup" ? expandGreedy(args) : args
  if (name === "byteback-restore" && args.includes("--list")) return oldListing(args)
  return [...verb, ...(name === "byteback-backup" ? expandGreedy(args) : args.filter((word) => word !== "--restore"))]
}
