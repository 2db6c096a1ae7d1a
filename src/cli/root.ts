// The tree of commands.
import { Command } from "effect/cli"
import { approveCommand } from "./approve.ts"
import { backupCommand } from "./backup.ts"
import { addClientCommand, clientsCommand, inviteCommand, removeClientCommand } from "./clients.ts"
import { catCommand } from "./cat.ts"
import { diffCommand } from "./diff.ts"
import { doctorCommand } from "./doctor.ts"
import { drillCommand } from "./drill.ts"
import { dumpCommand } from "./dump.ts"
import { findCommand } from "./find.ts"
import { historyCommand } from "./history.ts"
import { holdCommand } from "./hold.ts"
import { lsCommand } from "./ls.ts"
import { mountCommand } from "./mount.ts"
import { pruneCommand } from "./prune.ts"
import { releaseCommand } from "./release.ts"
import { restoreCommand } from "./restore.ts"
import { simulateCommand } from "./simulate.ts"
import { setupClientCommand } from "./setupClient.ts"
import { setupServerCommand } from "./setupServer.ts"
import { snapshotCommand } from "./snapshot.ts"
import { snapshotsCommand } from "./snapshots.ts"
import { statusCommand } from "./status.ts"
import { verifyCommand } from "./verify.ts"

const onClient = [
  setupClientCommand,
  backupCommand,
  snapshotsCommand,
  lsCommand,
  findCommand,
  historyCommand,
  diffCommand,
  catCommand,
  dumpCommand,
  restoreCommand,
  mountCommand,
  verifyCommand,
  drillCommand
] as const
const onServer = [
  setupServerCommand,
  inviteCommand,
  addClientCommand,
  removeClientCommand,
  clientsCommand,
  snapshotCommand,
  doctorCommand,
  statusCommand,
  pruneCommand,
  holdCommand,
  releaseCommand,
  approveCommand,
  simulateCommand
] as const

export const root = Command.make("byteback").pipe(
  Command.withDescription(
    "Maintenance-free backups of Linux machines: rsync over OpenSSH, read-only btrfs snapshots.\n" +
      "  Configuration is read from /etc/byteback, or from where --config-dir or BYTEBACK_CONFIG_DIR says."
  ),
  Command.withSubcommands([
    { group: "On the machine that is backed up", commands: onClient },
    { group: "On the server", commands: onServer }
  ])
)
