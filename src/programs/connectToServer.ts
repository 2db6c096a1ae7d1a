// The connection that every client program begins with: settings, destination, login.
import { Effect } from "effect"
import { ConfigError, type RawSettings } from "../domain/clientSettings.ts"
import { BackupServer } from "../services/BackupServer.ts"
import { ClientConfig } from "../services/ClientConfig.ts"
import { Layout } from "../services/Layout.ts"
import type { ConnectOptions } from "../services/Ssh.ts"

/** The settings that count and the destination among them, which must be there. */
export const readSettings = Effect.fnUntraced(function* (commandLine: RawSettings) {
  const layout = yield* Layout
  const settings = yield* (yield* ClientConfig).read(commandLine)
  const { destination } = settings
  if (destination !== null) return { ...settings, destination }
  return yield* new ConfigError({
    where: `${layout.config}/destination`,
    problem: "no destination is set; run byteback setup-client, or give --destination byteback@backup.example.org:"
  })
})

/** Logs in with this machine's own key; the connection ends with the scope. */
export const connect = Effect.fnUntraced(function* (
  { destination, ioTimeout, keyFile, knownHosts }: Effect.Success<ReturnType<typeof readSettings>>,
  options?: ConnectOptions
) {
  const { user, host, port } = destination
  const target = { user, host, ...(port === undefined ? {} : { port }), keyFile, knownHosts, ioTimeout }
  return yield* (yield* BackupServer).connect(target, options)
})

/** Both of the above. */
export const connectToServer = Effect.fnUntraced(function* (commandLine: RawSettings, options?: ConnectOptions) {
  const settings = yield* readSettings(commandLine)
  return { settings, session: yield* connect(settings, options) }
})

/** Whose backups, and by which way to the server. */
export interface SessionOptions {
  readonly settings: RawSettings
  /** on the server itself, as root: a host, without its key. Default: this machine, over ssh */
  readonly host?: string | undefined
}

/** The session of this machine with its server, or an administrator's as `host` on the server itself. */
export const openSession = Effect.fnUntraced(function* ({ host, settings }: SessionOptions, options?: ConnectOptions) {
  if (host === undefined) return yield* connectToServer(settings, options)
  const session = yield* (yield* BackupServer).local(host)
  return { settings: yield* (yield* ClientConfig).read(settings), session }
})
