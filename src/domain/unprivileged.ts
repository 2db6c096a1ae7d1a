// A backup that may read every file and do nothing else as root: a user of its own with one capability.

/** Nobody but such a backup is this user; an administrator makes it. */
export const unprivilegedUser = "byteback-push"

/** Runs `command` as that user with CAP_DAC_READ_SEARCH, for it and what it starts, and no way to more. Needs root. */
export const unprivilegedArgv = (command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "/usr/bin/setpriv",
  `--reuid=${unprivilegedUser}`,
  `--regid=${unprivilegedUser}`,
  "--clear-groups",
  "--no-new-privs",
  "--bounding-set=-all,+dac_read_search",
  "--inh-caps=-all,+dac_read_search",
  "--ambient-caps=-all,+dac_read_search",
  "--",
  ...command
]
