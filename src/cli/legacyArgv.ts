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

/** The words for today's program from the name it was called by and the words given. */
export const legacyArgv = (name: string, args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const verb = verbs[name]
  if (verb === undefined) return args[0] === "backup" ? expandGreedy(args) : args
  if (name === "byteback-restore" && args.includes("--list")) {
    return ["snapshots", ...args.filter((word) => word !== "--list" && word !== "--all" && word.startsWith("--"))]
  }
  return [...verb, ...(name === "byteback-backup" ? expandGreedy(args) : args.filter((word) => word !== "--restore"))]
}
