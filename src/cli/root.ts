// The tree of commands. A command's program is loaded when it is the one that was called, since each costs start-up time.
import { Command } from "effect/cli"

const onClient = {
  "setup-client": async () => (await import("./setupClient.ts")).setupClientCommand,
  backup: async () => (await import("./backup.ts")).backupCommand,
  snapshots: async () => (await import("./snapshots.ts")).snapshotsCommand,
  ls: async () => (await import("./ls.ts")).lsCommand,
  find: async () => (await import("./find.ts")).findCommand,
  history: async () => (await import("./history.ts")).historyCommand,
  diff: async () => (await import("./diff.ts")).diffCommand,
  cat: async () => (await import("./cat.ts")).catCommand,
  dump: async () => (await import("./dump.ts")).dumpCommand,
  restore: async () => (await import("./restore.ts")).restoreCommand,
  mount: async () => (await import("./mount.ts")).mountCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
  drill: async () => (await import("./drill.ts")).drillCommand
}

const onServer = {
  "setup-server": async () => (await import("./setupServer.ts")).setupServerCommand,
  invite: async () => (await import("./clients.ts")).inviteCommand,
  "add-client": async () => (await import("./clients.ts")).addClientCommand,
  "remove-client": async () => (await import("./clients.ts")).removeClientCommand,
  clients: async () => (await import("./clients.ts")).clientsCommand,
  snapshot: async () => (await import("./snapshot.ts")).snapshotCommand,
  doctor: async () => (await import("./doctor.ts")).doctorCommand,
  status: async () => (await import("./status.ts")).statusCommand,
  prune: async () => (await import("./prune.ts")).pruneCommand,
  hold: async () => (await import("./hold.ts")).holdCommand,
  release: async () => (await import("./release.ts")).releaseCommand,
  approve: async () => (await import("./approve.ts")).approveCommand,
  simulate: async () => (await import("./simulate.ts")).simulateCommand
}

/** The commands of a group: the one that is wanted, or all. */
const load = <Group extends Readonly<Record<string, () => Promise<unknown>>>>(group: Group, wanted: string | null) =>
  Promise.all(
    Object.entries(group).flatMap(([name, command]) =>
      wanted === null || wanted === name ? [command() as ReturnType<Group[keyof Group]>] : []
    )
  )

/** The tree for a command line: with the one command that its first word names, or with all, to be shown or to be looked for. */
export const root = async (words: ReadonlyArray<string>) => {
  const [first = ""] = words
  const wanted = Object.hasOwn(onClient, first) || Object.hasOwn(onServer, first) ? first : null
  return Command.make("byteback").pipe(
    Command.withDescription(
      "Maintenance-free backups of Linux machines: rsync over OpenSSH, read-only btrfs snapshots.\n" +
        "  Configuration is read from /etc/byteback, or from where --config-dir or BYTEBACK_CONFIG_DIR says."
    ),
    Command.withSubcommands([
      { group: "On the machine that is backed up", commands: await load(onClient, wanted) },
      { group: "On the server", commands: await load(onServer, wanted) }
    ])
  )
}
