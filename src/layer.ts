// Every service on its real tool, as the programs are run on a machine.
import { NodeChildProcessSpawner, NodeFileSystem, NodePath } from "@effect/platform-node"
import { Layer } from "effect"
import { Accounts } from "./services/Accounts.ts"
import { AuthorizedKeys } from "./services/AuthorizedKeys.ts"
import { BackupServer } from "./services/BackupServer.ts"
import { Btrfs } from "./services/Btrfs.ts"
import { ClientConfig } from "./services/ClientConfig.ts"
import { Exec } from "./services/Exec.ts"
import { Hooks } from "./services/Hooks.ts"
import { Journal } from "./services/Journal.ts"
import { Lock } from "./services/Lock.ts"
import { Mounts } from "./services/Mounts.ts"
import { Programs } from "./services/Programs.ts"
import { PruneTimer } from "./services/PruneTimer.ts"
import { Registry } from "./services/Registry.ts"
import { Rsync } from "./services/Rsync.ts"
import { Runs } from "./services/Runs.ts"
import { ServerConfig } from "./services/ServerConfig.ts"
import { Ssh } from "./services/Ssh.ts"
import { Sshd } from "./services/Sshd.ts"
import { Store } from "./services/Store.ts"
import { Sudoers } from "./services/Sudoers.ts"
import { SystemFile } from "./services/SystemFile.ts"

// Not all of NodeServices: the terminal's part is slow to load, and of no use to a server's answer.
const node = NodeChildProcessSpawner.layer.pipe(Layer.provideMerge(Layer.merge(NodeFileSystem.layer, NodePath.layer)))

const foundation = Layer.mergeAll(Exec.layer, SystemFile.layer, Programs.layer).pipe(Layer.provideMerge(node))

const tools = Layer.mergeAll(
  Accounts.layer,
  Btrfs.layer,
  ClientConfig.layer,
  Hooks.layer,
  Journal.layer,
  Lock.layer,
  Mounts.layer,
  PruneTimer.layer,
  Rsync.layer,
  ServerConfig.layer,
  Ssh.layer,
  Sshd.layer,
  Sudoers.layer
).pipe(Layer.provideMerge(foundation))

/** All of byteback's services; where things lie is `Layout`'s to say. */
export const layer = Layer.mergeAll(
  AuthorizedKeys.layer,
  BackupServer.layer,
  Registry.layer,
  Runs.layer,
  Store.layer
).pipe(Layer.provideMerge(tools))
